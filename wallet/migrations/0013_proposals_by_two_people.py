"""Two people may also agree that money was settled outside; what was proposed before is a write-off."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("wallet", "0012_captures_due"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="case", name="write_off_by_two_people"),
        migrations.RenameField(model_name="case", old_name="write_off_asked_by", new_name="proposed_by"),
        migrations.RenameField(model_name="case", old_name="write_off_agreed_by", new_name="agreed_by"),
        migrations.AddField(
            model_name="case",
            name="proposal",
            field=models.CharField(
                blank=True,
                choices=[("write_off", "Write off"), ("outside", "Book as settled outside")],
                db_default="",
                help_text="A second person has to agree.",
                max_length=20,
            ),
        ),
        migrations.RunSQL(
            "UPDATE wallet_case SET proposal = 'write_off' WHERE proposed_by_id IS NOT NULL",
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
