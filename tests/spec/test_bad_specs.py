"""Whatever is wrong with a spec, a person is told where, what, and what would be right: everything at once."""

import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import yaml

from proca_topo.errors import SpecError, UsageError
from proca_topo.spec.positions import tree_of
from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from tests.calls import assert_grows_with_size
from tests.spec.bad_specs import GOOD, BadSpec, all_bad_specs, problems_in, written

BAD = list(all_bad_specs())


@pytest.mark.parametrize("case", BAD, ids=[case.name for case in BAD])
def test_what_a_person_sees(case: BadSpec, tmp_path: Path) -> None:
    assert problems_in(written(case.files, tmp_path)) == case.problems
    for line in case.problems:
        assert re.match(r"\S+:[0-9]+:[0-9]+: \S", line), "file:line:column: what is wrong"


def test_the_spec_they_start_from_is_good(tmp_path: Path) -> None:
    assert problems_in(written({"orgs/acme.yaml": ""}, tmp_path)) == ()


def test_no_topology_there_names_the_flag(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"^there is no topology\.yaml in .*; name its directory with -C DIRECTORY$"
    ):
        read_topology(tmp_path)
    with pytest.raises(UsageError):
        read_topology(tmp_path / "nowhere")


def test_a_directory_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "topology.yaml").mkdir()
    (tmp_path / "orgs" / "acme.yaml").mkdir(parents=True)
    assert problems_in(tmp_path) == (
        "orgs/acme.yaml:1:1: not a file; an org is described by a file",
        "topology.yaml:1:1: cannot be read: Is a directory",
    )


def test_a_file_in_the_place_of_the_directory_of_orgs(tmp_path: Path) -> None:
    written({"orgs": "acme"}, tmp_path)
    assert problems_in(tmp_path) == ("orgs:1:1: cannot be read: Not a directory",)


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    written({"orgs/acme.yaml": ""}, tmp_path)
    (tmp_path / "orgs" / "beta.yaml").symlink_to("gone.yaml")
    assert problems_in(tmp_path) == ("orgs/beta.yaml:1:1: not a file; an org is described by a file",)


def test_an_orgs_link_that_leads_to_itself(tmp_path: Path) -> None:
    (written({}, tmp_path) / "orgs").mkdir(exist_ok=True)
    (tmp_path / "orgs" / "acme.yaml").symlink_to("acme.yaml")
    assert problems_in(tmp_path) == ("orgs/acme.yaml:1:1: not a file; an org is described by a file",)


def test_a_link_to_a_directory_of_orgs_that_is_not_there(tmp_path: Path) -> None:
    """No orgs at all would look like orgs that have left, whose queues may go."""
    written({}, tmp_path)
    (tmp_path / "orgs").symlink_to("nowhere")
    assert problems_in(tmp_path) == ("orgs:1:1: cannot be read: No such file or directory",)


def test_many_problems_in_a_file_cost_no_more_than_each_alone(tmp_path: Path) -> None:
    folders = count()

    def telling(many: int) -> Callable[[], object]:
        there = tmp_path / str(next(folders))
        # No text is read twice: what was made of it would be remembered.
        queues = "".join(f"  x{number}: {{typo: 1}}\n" for number in range(many))
        written({"orgs/acme.yaml": f"# {there}\nqueues:\n{queues}"}, there)
        return lambda: problems_in(there)

    assert_grows_with_size(telling, 300)


def test_the_keys_of_a_mapping_are_looked_through_once_for_all_problems_in_it() -> None:
    class Counted(list[tuple[yaml.Node, yaml.Node]]):
        looked_through = 0

        def __iter__(self) -> Iterator[tuple[yaml.Node, yaml.Node]]:
            self.looked_through += 1
            return super().__iter__()

        def __reversed__(self) -> Iterator[tuple[yaml.Node, yaml.Node]]:
            self.looked_through += 1
            return super().__reversed__()

    tree = tree_of("{a: 1, b: 2, c: 3}")
    assert isinstance(tree.root, yaml.MappingNode)
    tree.root.value = pairs = Counted(tree.root.value)
    assert [tree.find((key,), on_key=True)[:2] for key in "abc"] == [(1, 2), (1, 8), (1, 14)]
    assert pairs.looked_through == 1


def test_a_file_in_another_encoding_tells_where(tmp_path: Path) -> None:
    written({"orgs/acme.yaml": ""}, tmp_path)
    (tmp_path / "orgs" / "acme.yaml").write_bytes("options: {}\n# für".encode("latin-1"))
    assert problems_in(tmp_path) == ("orgs/acme.yaml:2:4: not UTF-8; save the file with the encoding UTF-8",)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    written({"topology.yaml": "\ufeff" + GOOD}, tmp_path)
    assert problems_in(tmp_path) == ()


@pytest.mark.parametrize("levels", [66, 1_100, 4_000, 200_000])
def test_what_is_nested_without_end_is_told_and_kills_nothing(levels: int, tmp_path: Path) -> None:
    written({"topology.yaml": "a: " + "[" * levels + "]" * levels}, tmp_path)
    assert problems_in(tmp_path) == ("topology.yaml:1:67: nested more than 64 levels deep; no spec needs that",)


def test_anchors_that_multiply_are_told_and_fill_no_memory(tmp_path: Path) -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    written({"topology.yaml": "\n".join(lines)}, tmp_path)
    (problem,) = problems_in(tmp_path)
    assert problem.endswith(": its anchors multiply to more than a million values")


def test_control_characters_in_a_name_are_shown_escaped(tmp_path: Path) -> None:
    written({"topology.yaml": 'topology: 1\nowns: []\nqueues:\n  "a\\e[2Jb": {}\n'}, tmp_path)
    assert problems_in(tmp_path) == (
        'topology.yaml:4:3: queue "a\\u001b[2Jb" is not covered by owns; add "a\\u001b[2Jb" to owns',
    )


def test_hidden_files_and_notes_among_the_orgs_are_left_alone(tmp_path: Path) -> None:
    written({"orgs/.gitkeep": "", "orgs/README.md": "Our orgs", "orgs/acme.yaml": ""}, tmp_path)
    assert read_topology(tmp_path).org_names() == ("acme",)
    assert problems_in(tmp_path) == ()


def test_an_org_that_cannot_be_is_wrong_usage(tmp_path: Path) -> None:
    topology = read_topology(written({}, tmp_path))
    with pytest.raises(UsageError, match=r"an org cannot be named ac\.me; its name must match"):
        load_desired(topology, orgs=["ac.me"])
    with pytest.raises(UsageError, match=r"an org cannot be named \.\./x: that is no name for its file"):
        load_desired(topology, orgs=["../x"])


def test_for_some_orgs_only_their_files_are_read(tmp_path: Path) -> None:
    topology = read_topology(written({"orgs/acme.yaml": "", "orgs/beta.yaml": "options: [}"}, tmp_path))
    assert load_desired(topology, orgs=["acme"]).queues.keys() == {"acme.confirm"}
    with pytest.raises(SpecError):
        load_desired(topology, orgs=["acme", "beta"])
