"""When a run is requested: ticks without storage and without Dagster."""

from stedi_assets.lake.ingestion import LandingFile, Waiting
from stedi_assets.orchestration.sensors.requests import Memory, decide, judge, pause

NOW = 1_700_000_000.0


def waiting(*files, deleted=()):
    return {"customer_landing": Waiting(tuple(files), tuple(deleted))}


def file(path, age=60.0, version="1", scheme="file"):
    return LandingFile(path, f"{scheme}:///in/{path}", 10, version, int((NOW - age) * 1000))


class TestDecisions:
    """Ticks without storage and without Dagster."""

    def test_nothing_waits(self):
        assert decide(Memory(), waiting(), NOW).wait == "No landing files are waiting."

    def test_a_file_that_was_written_a_while_ago_is_requested_at_the_first_look(self):
        decision = decide(Memory(), waiting(file("a.json")), NOW)
        assert (decision.wait, decision.files) == ("", 1)

    def test_a_deleted_file_is_requested(self):
        assert decide(Memory(), waiting(deleted=["a.json"]), NOW).files == 1

    def test_a_consent_that_takes_effect_by_now_is_requested_once(self):
        due = {"customer_trusted": Waiting(due=int(NOW * 1000) - 5)}
        decision = decide(Memory(), due, NOW)
        assert (decision.wait, decision.files) == ("", 0)
        done = judge(decision.memory, {"customer_trusted": Waiting()}, "success")
        assert decide(done, {"customer_trusted": Waiting()}, NOW + 60).wait == "No landing files are waiting."
        stuck = judge(decision.memory, due, "success")
        assert "failed" in decide(stuck, due, NOW + 30).wait

    def test_a_file_that_grows_waits(self):
        memory = Memory()
        for tick in range(3):
            grown = LandingFile("a.json", "file:///in/a.json", 10 + tick, str(tick), int(NOW * 1000))
            decision = decide(memory, waiting(grown), NOW + 1)
            assert decision.wait == "1 of 1 waiting landing files may still be written to."
            memory = decision.memory
        assert not decide(memory, waiting(grown), NOW + 5).wait

    def test_complete_files_wait_a_minute_for_one_that_grows_and_no_longer(self):
        files = waiting(file("a.json"), file("b.json", age=0))
        decision = decide(Memory(), files, NOW)
        assert decision.wait.startswith("1 of 2 waiting landing files")
        later = waiting(file("a.json"), file("b.json", age=-59, version="2"))
        assert decide(decision.memory, later, NOW + 59).wait.startswith("1 of 2 waiting landing files")
        later = waiting(file("a.json"), file("b.json", age=-60, version="3"))
        assert not decide(decision.memory, later, NOW + 60).wait

    def test_a_time_in_the_future_is_another_clock_and_blocks_nothing(self):
        assert decide(Memory(), waiting(file("a.json", age=-2)), NOW).wait
        assert not decide(Memory(), waiting(file("a.json", age=-3_600)), NOW).wait

    def test_objects_in_s3_are_complete_as_soon_as_they_are_seen(self):
        for age in (0, -3_600):
            assert not decide(Memory(), waiting(file("a.json", age, scheme="s3")), NOW).wait

    def test_the_memory_of_ten_thousand_files_is_bounded(self):
        files = [file(f"{number}.json", age=-60) for number in range(10_000)]
        assert len(decide(Memory(), waiting(*files), NOW).memory.dump()) < 200

    def test_memory_holds_no_name_of_a_file(self):
        decision = decide(Memory(), waiting(file("zyqqara.json", age=-60), file("zyqqara2.json")), NOW + 90)
        for memory in (decision.memory, decide(decision.memory, waiting(file("zyqqara.json")), NOW).memory):
            assert "zyqqara" not in memory.dump()

    def test_memory_survives_its_cursor_and_begins_again_if_it_cannot_be_read(self):
        memory = decide(Memory(), waiting(file("a.json")), NOW).memory
        assert Memory.load(memory.dump()).run_key == memory.run_key
        for cursor in (None, "", "2024-01-01", "[]", '{"other": 1}'):
            assert Memory.load(cursor) == Memory()


class TestFailedRuns:
    def asked(self, files, now=NOW, memory=None):
        decision = decide(memory or Memory(), files, now)
        assert not decision.wait, decision.wait
        return decision.memory

    def test_files_of_a_failed_run_are_requested_again_after_a_pause(self):
        files = waiting(file("a.json"))
        memory = judge(self.asked(files), files, "failure")
        decision = decide(memory, files, NOW + 59)
        assert decision.wait == (
            "1 landing files are waiting; the last 1 requested runs failed, the next one is requested at "
            "22:14:20 UTC."
        )
        self.asked(files, NOW + 60, memory)

    def test_the_pause_doubles_up_to_an_hour(self):
        assert [pause(failures) for failures in (1, 2, 3, 6, 7, 1_000)] == [60, 120, 240, 1_920, 3_600, 3_600]

    def test_new_files_do_not_shorten_the_pause(self):
        """Or a run that always fails would be started at every tick while files keep arriving."""
        files = waiting(file("a.json"))
        memory = judge(self.asked(files), files, "failure")
        assert decide(memory, waiting(file("a.json"), file("b.json")), NOW + 30).wait

    def test_a_run_that_landed_its_files_and_failed_after_that_is_made_up_for(self):
        memory = judge(self.asked(waiting(file("a.json"))), waiting(), "failure")
        assert decide(memory, waiting(), NOW + 59).wait
        memory = self.asked(waiting(), NOW + 60, memory)
        memory = judge(memory, waiting(), "success")
        assert decide(memory, waiting(), NOW + 120).wait == "No landing files are waiting."

    def test_a_run_that_somebody_stopped_is_made_up_for_only_where_files_wait(self):
        files = waiting(file("a.json"))
        assert judge(self.asked(files), waiting(), "canceled").failures == 0
        assert judge(self.asked(files), files, "canceled").failures == 1

    def test_a_run_that_never_came_or_left_its_files_counts_as_failed(self):
        files = waiting(file("a.json"))
        assert judge(self.asked(files), files, None).failures == 1
        assert judge(self.asked(files), files, "success").failures == 1

    def test_a_success_ends_the_pauses(self):
        files = waiting(file("a.json"))
        memory = judge(self.asked(files), files, "failure")
        memory = judge(self.asked(files, NOW + 60, memory), waiting(), "success")
        self.asked(waiting(file("b.json")), NOW + 61, memory)
