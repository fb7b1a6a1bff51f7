from django.db import migrations, models


class Migration(migrations.Migration):
    """A movement that crosses cardholders is put right by two people, as a proposal of a kind of its own."""

    dependencies = [
        ("wallet", "0002_functions_and_triggers"),
    ]

    operations = [
        migrations.AlterField(
            model_name="enteredamount",
            name="kind",
            field=models.CharField(
                choices=[
                    ("worth", "What a transaction is worth"),
                    ("top_up", "Money put on a card"),
                    ("limits", "Limits of a card raised"),
                    ("refund", "Refund at our own cost"),
                    ("link", "Movement between two cardholders"),
                ],
                max_length=20,
            ),
        ),
    ]
