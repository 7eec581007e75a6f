"""add-org writes a small file that says what was asked and nothing else; it never overwrites one."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proca_topo.errors import FileError, RefusedError, UsageError
from proca_topo.spec.org_file import new_org_file, remove_org_file
from proca_topo.spec.read import OrgSettings, org_settings
from proca_topo.spec.topology_file import TopologyFile, read_topology
from tests.spec.bad_specs import written

SPEC = """
topology: 1
owns: ["{id}.{note}.{org}"]
org:
  vars: {id: "[0-9]+", note: ".+"}
  options: {crm: {}, sqs: {}, mail: {default: true}}
"""
PLAIN = 'topology: 1\nowns: ["{org}.a"]\norg: {options: {crm: {}, sqs: {}}}\n'


@pytest.fixture
def topology(tmp_path: Path) -> TopologyFile:
    return read_topology(written({"topology.yaml": SPEC}, tmp_path))


@pytest.fixture
def plain(tmp_path: Path) -> TopologyFile:
    return read_topology(written({"topology.yaml": PLAIN}, tmp_path))


@pytest.mark.parametrize(
    ("on", "asked", "text"),
    [
        ([], [], "{}\n"),
        (["crm"], [], "options: {crm: true}\n"),
        (["sqs", "crm", "crm"], [], "options: {crm: true, sqs: true}\n"),
        ([], ["sqs=false"], "options: {sqs: false}\n"),
        (["crm"], ["sqs=true"], "options: {crm: true, sqs: true}\n"),
    ],
)
def test_the_text_of_a_new_org(plain: TopologyFile, on: Sequence[str], asked: Sequence[str], text: str) -> None:
    new = new_org_file(plain, "acme", switched_on=on, settings=asked)
    assert new.path == plain.directory / "orgs" / "acme.yaml"
    assert new.text == text


def test_variables_come_first_and_numbers_have_no_quotes(topology: TopologyFile) -> None:
    new = new_org_file(topology, "acme", switched_on=["crm"], settings=["note=no", "id=42", "mail=false"])
    assert new.text == "vars: {id: 42, note: 'no'}\noptions: {crm: true, mail: false}\n"


def test_what_is_written_is_what_was_asked(topology: TopologyFile) -> None:
    new_org_file(topology, "acme", switched_on=["sqs"], settings=["id=007", "note=a: b # c"]).write()
    assert org_settings(topology) == (
        OrgSettings(
            name="acme",
            options={"crm": False, "sqs": True, "mail": True},
            variables={"id": "007", "note": "a: b # c"},
            path="orgs/acme.yaml",
        ),
    )


@settings(deadline=None)
@given(
    note=st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: "\n" not in text),
    number=st.from_regex(r"[0-9]+", fullmatch=True).filter(str.isascii),
    mail=st.booleans(),
)
def test_any_value_that_the_template_allows_loads_back(
    tmp_path_factory: pytest.TempPathFactory, *, note: str, number: str, mail: bool
) -> None:
    directory = tmp_path_factory.mktemp("spec")
    topology = read_topology(written({"topology.yaml": SPEC}, directory))
    asked = [f"id={number}", f"note={note}", f"mail={str(mail).lower()}"]
    new_org_file(topology, "acme", switched_on=["crm"], settings=asked).write()
    (org,) = org_settings(topology)
    assert org.variables == {"id": number, "note": note}
    assert org.options == {"crm": True, "sqs": False, "mail": mail}


@pytest.mark.parametrize(
    ("org", "on", "asked", "message"),
    [
        ("ac.me", [], [], "an org cannot be named ac.me; its name must match [A-Za-z0-9_-]{2,32}"),
        ("../acme", [], [], "an org cannot be named ../acme: that is no name for its file"),
        ("", [], [], 'an org cannot be named ""; its name must match [A-Za-z0-9_-]{2,32}'),
        ("acme", ["crn"], ["id=1", "note=x"], "unknown option crn; did you mean crm?"),
        ("acme", ["CRM"], ["id=1", "note=x"], "unknown option CRM; known here: crm, mail, sqs"),
        ("acme", [], ["id"], "id is not KEY=VALUE; write --set id=VALUE"),
        ("acme", [], ["idd=1"], "unknown variable or option idd; did you mean id?"),
        ("acme", [], ["id=x"], "id cannot be x; it must match [0-9]+"),
        ("acme", [], ["note=\udcff"], 'note cannot be "\\udcff": that is not UTF-8'),
        ("acme", [], ["id=1", "id=2"], "id is set twice, to 1 and to 2; keep one"),
        ("acme", [], ["crm=yes"], "crm is an option; set it to true or false, not yes"),
        ("acme", ["crm"], ["crm=false"], "crm is switched on and off; keep one"),
        ("acme", [], ["id=1"], "org acme needs a value for note; add --set note=…"),
        ("acme", [], [], "org acme needs a value for id, note; add --set id=… --set note=…"),
    ],
)
def test_what_the_template_does_not_know_or_allow(
    topology: TopologyFile, org: str, on: Sequence[str], asked: Sequence[str], message: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        new_org_file(topology, org, switched_on=on, settings=asked)
    assert str(refusal.value) == message


def test_an_org_that_would_have_the_names_of_another_is_not_written(tmp_path: Path) -> None:
    spec = 'topology: 1\nowns: ["{id}.a"]\norg: {vars: {id: "[0-9]+"}, queues: {"{id}.a": {}}}\n'
    files = {"topology.yaml": spec, "orgs/acme.yaml": "vars: {id: 1}", "orgs/odd.yaml": "vars: {"}
    topology = read_topology(written(files, tmp_path))
    with pytest.raises(UsageError) as refusal:
        new_org_file(topology, "beta", switched_on=[], settings=["id=1"])
    assert str(refusal.value) == (
        "org beta would make the spec invalid:\n"
        "orgs/beta.yaml:1:1: queue 1.a is declared twice, for this org and for acme; each needs its own "
        "(the other one is at orgs/acme.yaml:1:1)"
    )
    new_org_file(topology, "beta", switched_on=[], settings=["id=2"]).write()


def test_an_org_that_would_have_a_shared_name_is_not_written(tmp_path: Path) -> None:
    spec = 'topology: 1\nowns: ["*.sqs"]\nqueues: {system.sqs: {}}\norg: {queues: {"{org}.sqs": {}}}\n'
    topology = read_topology(written({"topology.yaml": spec}, tmp_path))
    with pytest.raises(
        UsageError, match=r"queue system\.sqs is declared twice, for this org and for all; rename one"
    ):
        new_org_file(topology, "system", switched_on=[], settings=[])


def test_an_org_that_exists_is_left_as_it_is(plain: TopologyFile) -> None:
    new = new_org_file(plain, "acme", switched_on=[], settings=[])
    new.write()
    with pytest.raises(RefusedError, match=r"acme\.yaml exists and is left as it is; change that file instead"):
        new_org_file(plain, "acme", switched_on=["crm"], settings=[])


def test_a_file_that_appears_in_between_is_not_overwritten(plain: TopologyFile) -> None:
    new = new_org_file(plain, "acme", switched_on=[], settings=[])
    new.path.parent.mkdir()
    new.path.write_text("options: {crm: true}\n")
    with pytest.raises(RefusedError):
        new.write()
    assert new.path.read_text() == "options: {crm: true}\n"


def test_a_place_that_cannot_be_written_to(plain: TopologyFile) -> None:
    (plain.directory / "orgs").write_text("in the way")
    with pytest.raises(FileError, match=r"^cannot write .*acme\.yaml: no directory can be made for it$"):
        new_org_file(plain, "acme", switched_on=[], settings=[]).write()


def test_removing_an_org_removes_its_file(plain: TopologyFile) -> None:
    new = new_org_file(plain, "acme", switched_on=[], settings=[])
    new.write()
    assert remove_org_file(plain, "acme") == new.path
    assert not plain.has_org_file("acme")


def test_a_file_that_cannot_be_removed_is_no_wrong_usage(
    plain: TopologyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The org is there, and the command line was right: what is in the way is the file system."""
    new_org_file(plain, "acme", switched_on=[], settings=[]).write()

    def refuse(_: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(FileError, match=r"^cannot remove .*orgs/acme\.yaml: Read-only file system$"):
        remove_org_file(plain, "acme")
    assert plain.has_org_file("acme")


def test_removing_an_org_that_is_not_there_suggests_the_nearest(plain: TopologyFile) -> None:
    new_org_file(plain, "acme", switched_on=[], settings=[]).write()
    with pytest.raises(UsageError, match=r"^there is no org acne; did you mean acme\?$"):
        remove_org_file(plain, "acne")
