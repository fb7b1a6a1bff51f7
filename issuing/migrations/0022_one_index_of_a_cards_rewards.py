"""An index by card and month serves what the one by card and key did."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("issuing", "0021_rewards_of_a_person")]
    operations = [RemoveIndexConcurrently(model_name="rewardentry", name="reward_of_card")]
