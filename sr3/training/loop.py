"""From the next step to the last: train, look, report, validate, save, and roll back a blow-up."""

from collections.abc import Iterator

from sr3.data.examples import Batch, Positions, TrainingPictures, loader
from sr3.data.split import Split
from sr3.machine.signals import StopRequest
from sr3.training import logs
from sr3.training.monitor import Complaint, Monitor
from sr3.training.run_folder import RunFolder
from sr3.training.trainer import learning_rate_at
from sr3.training.validation import in_words

STOPPED = 75  # exit code after SIGTERM or Ctrl-C with the state saved: run the command again


class Loop:
    """Trains to the last step or to a signal."""

    def __init__(
        self, folder: RunFolder, pictures: Split, stop: StopRequest, written: list[logs.Log]
    ) -> None:
        self.folder, self.pictures, self.stop, self.logs = folder, pictures, stop, written
        self.trainer, self.config = folder.trainer, folder.trainer.config
        self.options, self.world = folder.trainer.options, folder.trainer.world
        self.monitor = Monitor(self.world, folder.guard)
        on_cpu = self.world.device.type == "cpu"
        self.check_every = self.options.check_every or (1 if on_cpu else 10)

    def run(self) -> int:
        """The exit code."""
        if self.trainer.step == 0:
            self.folder.save()  # a full disk shows now, and a rollback has where to go
        while self.trainer.step < self.config.steps:
            for batch in self.batches():
                self.monitor.add(self.trainer.step + 1, self.trainer.train_step(batch))
                self.pictures.bad.note(batch.bad)
                if not self._due(self.check_every, self.options.log_every, *self._stations()):
                    continue
                if complaint := self.monitor.look():
                    self.roll_back(complaint)
                    break
                if self.after_check():
                    return STOPPED
        return 0

    def batches(self) -> Iterator[Batch]:
        """From the next step to the last, leaving out what rollbacks skipped."""
        config, skipped = self.config, self.folder.progress.skipped
        data = TrainingPictures(
            self.pictures.training,
            *config.sides,
            config.augmentation,
            config.seed,
            self.pictures.labels,
        )
        positions = Positions(
            self.trainer.step + skipped,
            config.steps + skipped,
            config.batch_size,
            self.world.rank,
            self.world.size,
        )
        pin = self.world.device.type == "cuda"
        return iter(loader(data, positions, self.options.workers, self.options.prefetch, pin))

    def _stations(self) -> tuple[int, int, int]:
        return self.config.validate_every, self.config.save_every, self.config.snapshot_every

    def _due(self, *every: int) -> bool:
        step = self.trainer.step
        return step == self.config.steps or any(n and step % n == 0 for n in every)

    def after_check(self) -> bool:
        """Report, validate and save where it is due; whether to stop here."""
        for line in self.pictures.bad.share(self.world):
            self.say(line)
        stopping = self.world.any(self.stop.noted) and self.trainer.step < self.config.steps
        if self._due(self.options.log_every):
            self.report()
        if self._due(self.config.validate_every):
            self.validate()
        if self.config.snapshot_every and self._due(self.config.snapshot_every):
            self.folder.snapshot()
        if self._due(self.config.save_every) or stopping:
            self.folder.save()
            self.monitor.forget()
        if stopping:
            self.say(f"stopped at step {self.trainer.step}, saved: run the same command to go on")
        return stopping

    def roll_back(self, complaint: Complaint) -> None:
        self.folder.roll_back(complaint.step)
        self.monitor.forget()
        self.say(
            f"step {complaint.step}: {complaint.reason}; back to step {self.trainer.step}, "
            f"leaving out {complaint.step - self.trainer.step} batches"
        )

    def report(self) -> None:
        """One line of progress, and the same values in the logs."""
        step, config = self.trainer.step, self.config
        values = self.monitor.values(config.batch_size)
        values["train/learning_rate"] = learning_rate_at(step - 1, config)
        values["train/unusable_pictures"] = len(self.pictures.bad.reasons)
        values["train/rollbacks"] = self.folder.progress.rollbacks
        rate = values["train/images_per_second"]
        left = (config.steps - step) * config.batch_size / rate
        self.monitor.forget()
        self.write(step, values)
        self.say(
            f"step {step}/{config.steps}  loss {values['train/loss']:.4f}  "
            f"{rate:.1f} images/s  {left / 60:.0f} min left"
        )

    def validate(self) -> None:
        step = self.trainer.step
        values, picture = self.folder.validate(self.pictures.held_out)
        self.write(step, values)
        for log in self.logs:
            log.picture(step, "validation/samples", picture)
        self.say(f"step {step}: {in_words(values)}")
        self.monitor.forget()

    def write(self, step: int, values: dict[str, float]) -> None:
        for log in self.logs:
            log.scalars(step, values)

    def say(self, line: str) -> None:
        if self.world.main:
            print(line, flush=True)
