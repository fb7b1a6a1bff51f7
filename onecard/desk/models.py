"""What the desk keeps for its pages: figures counted beforehand, and the last run of each task of the clock."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy

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


class ListExport(models.Model):
    """A list that somebody took out as a file. The permission to add one is that to export lists."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    list = models.CharField(max_length=100, help_text="The list's model, such as issuing.Authorization.")
    query = FreeTextField(max_length=500, blank=True, help_text="The filters and the search, as in the list's address.")
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ("add",)
        verbose_name = gettext_lazy("list export")
        verbose_name_plural = gettext_lazy("list exports")

    def __str__(self) -> str:
        return f"{self.list}?{self.query}"


class SavedFilter(models.Model):
    """A list's filters and search under a name, for the person who saved them or for everybody of a group."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_filters")
    group = models.ForeignKey(
        "auth.Group", null=True, blank=True, on_delete=models.SET_NULL, related_name="saved_filters"
    )
    list = models.CharField(max_length=100, help_text="The list's model, such as issuing.Authorization.")
    name = FreeTextField(max_length=60)
    query = FreeTextField(max_length=500, help_text="The filters and the search, as in the list's address.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["owner", "list", "name"], name="one_saved_filter_per_name")]
        verbose_name = gettext_lazy("saved filter")
        verbose_name_plural = gettext_lazy("saved filters")

    def __str__(self) -> str:
        return self.name
