"""Every IAM policy document of every stack file that we ship, as parliament judges it."""

import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import settings
import stacks
from tests.unit.stack_files import STACK_FILES, config_of, configure

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it finds its tables by a package that is deprecated
    import parliament

ON_AWS = [file for file in STACK_FILES if config_of(file)["tfserving:platform"]["kind"] == "eks"]
EXCEPTIONS = Path(__file__).with_name("policy_exceptions.yaml")
_LONGEST_INLINE = 10_240
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


class Finding(NamedTuple):
    """What parliament says against a document: the issue, and the action or text it is about."""

    issue: str
    document: str
    of: str


def documents(cloud: Any, stack_file: Path) -> Mapping[str, str]:
    """Return every document that the stack registers, by the resource that has it."""
    config = config_of(stack_file)
    configure(config)
    cloud.run(lambda: stacks.deploy(settings.load()))
    cluster = config["tfserving:platform"]["name"]
    return {
        name.removeprefix(f"{cluster}-"): value
        for typ in cloud.types()
        if typ.startswith("aws:")
        for name, inputs in cloud.all(typ).items()
        for value in inputs.values()
        if isinstance(value, str) and value.startswith("{") and '"Statement"' in value
    }


def findings(name: str, document: str) -> Iterator[Finding]:
    for found in parliament.analyze_policy_string(_with_resources(document)).findings:
        details = found.detail if isinstance(found.detail, list) else [found.detail]
        yield from (Finding(found.issue, name, str(each)) for each in details)


def _with_resources(document: str) -> str:
    """Return a document as parliament wants it: one of trust is about the role that has it."""
    parsed = json.loads(document)
    for statement in parsed["Statement"]:
        if str(statement["Action"]).find("sts:") >= 0:
            statement.setdefault("Resource", "arn:aws:iam::123456789012:role/its-own")
    return json.dumps(parsed)


def exceptions(names: Mapping[str, str]) -> Iterator[Finding]:
    for each in yaml.safe_load(EXCEPTIONS.read_text()):
        assert each["reason"]
        for document in names.keys() & set(each["documents"]):
            yield from (Finding(each["issue"], document, of) for of in each["of"])


@pytest.mark.parametrize("stack_file", ON_AWS, ids=lambda file: file.name)
def test_documents_are_found_good_or_excepted_with_a_reason(cloud, stack_file):
    made = documents(cloud, stack_file)

    found = {each for name, document in made.items() for each in findings(name, document)}

    assert {"models-policy", "cluster-autoscaler-policy"} <= made.keys()
    assert sorted(found) == sorted(exceptions(made))


@pytest.mark.parametrize("stack_file", ON_AWS, ids=lambda file: file.name)
def test_documents_fit_a_role(cloud, stack_file):
    made = documents(cloud, stack_file)

    assert max(len("".join(each.split())) for each in made.values()) <= _LONGEST_INLINE


def test_a_bad_document_is_found():
    statement = {"Effect": "Allow", "Action": "s3:GetObjects", "Resource": "*"}
    bad = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    assert {each.issue for each in findings("bad", bad)} == {"UNKNOWN_ACTION"}
