"""What a user was told."""

from labcut3d.progress import Silent


class Notes(Silent):
    """A reporter that remembers what was said and which tasks were run."""

    def __init__(self):
        self.notes, self.tasks = [], []

    def findings(self, title, findings):
        self.notes += [f"{finding.level}: {finding.reason}" for finding in findings]

    def note(self, message):
        self.notes.append(message)

    def task(self, title):
        self.tasks.append(title)
        return super().task(title)
