"""What the desk keeps for its pages: figures counted beforehand, and the last run of each task of the clock."""

from django.db import models

from onecard.kit.fields import FreeTextField


class KeptFigure(models.Model):
    """A figure that takes long to count, as it was at a moment; a task counts it again."""

    name = models.CharField(max_length=60, unique=True)
    value = models.JSONField()
    counted_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class TaskRun(models.Model):
    """The last run of a task that the clock starts, whichever worker it had."""

    task = models.CharField(max_length=120, unique=True)
    finished_at = models.DateTimeField(null=True, help_text="When it came to its end last, to ten seconds.")
    failed_at = models.DateTimeField(null=True, help_text="When it failed last.")
    error = FreeTextField(
        max_length=200, blank=True, help_text="The kind of that error; the worker's log has the rest."
    )

    def __str__(self) -> str:
        return self.task
