import uuid

from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("wallet", "0004_card_change_case")]
    operations = [
        # The database gives existing rows an id of their own each.
        migrations.AddField(
            model_name="fundingmethod",
            name="public_id",
            field=models.UUIDField(db_default=RandomUUID(), default=uuid.uuid4, editable=False, unique=True),
        ),
    ]
