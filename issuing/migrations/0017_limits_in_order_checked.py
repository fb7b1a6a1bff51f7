from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("issuing", "0016_limits_in_order")]
    operations = [ValidateConstraint(model_name="virtualcard", name="card_limits_in_order")]
