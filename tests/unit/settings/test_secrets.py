"""Secrets in a stack file: refused by key, and shown by no message."""

import pulumi
import pytest
from pulumi.runtime import set_all_config

import settings
from settings.secrets import SECRET_RULE
from tests.unit.stack_files import MODELS, PLATFORM, config_of, configure, faults_of, put

MODEL = f"{MODELS}.half-plus-two"
# Put together here, so that nothing that searches this repository for secrets finds one.
AWS_KEY = "AKIA" + "IOSFODNN7EXAMPLE"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
SECRETS = {
    "an access key": AWS_KEY,
    "a temporary access key": "ASIA" + "IOSFODNN7EXAMPLE",
    "one within a text": f"s3://{AWS_KEY}@models",
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE",
    "a GitHub token": "ghp_" + "a" * 36,
    "a fine-grained one": "github_pat_" + "a" * 22,
    "a Slack token": "xoxb-" + "1234567890-abc",
    "a Google API key": "AIza" + "a" * 35,
    "a Google access token": "ya29." + "a" * 30,
    "a Pulumi token": "pul-" + "0a" * 20,
    "a web token": ".".join(("eyJ" + "a" * 20, "eyJ" + "b" * 20, "c" * 20)),
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize(
    "key", [f"{PLATFORM}.tags.note", f"{MODEL}.image", f"{MODEL}.command", "tfserving:more"]
)
def test_a_secret_is_refused_by_key_and_no_line_shows_it(cloud, key, secret):
    config = config_of()
    put(config, f"{PLATFORM}.tags", {})
    put(config, key, secret)

    faults = faults_of(config)

    assert f"{key}: {SECRET_RULE}" in faults
    assert all(secret not in fault and secret[:8] not in fault for fault in faults)


def test_the_rule_says_why_and_what_to_do():
    assert SECRET_RULE.startswith("must not be a secret: ")
    assert "revoke it" in SECRET_RULE


def test_a_secret_deep_in_a_list_is_found_at_its_place(cloud):
    config = config_of()
    put(config, f"{PLATFORM}.admins", ["arn:aws:iam::123456789012:role/a", AWS_KEY])

    faults = faults_of(config)

    assert f"{PLATFORM}.admins.1: {SECRET_RULE}" in faults
    assert AWS_KEY not in "".join(faults)


def test_a_secret_that_is_a_key_is_not_shown_either(cloud):
    config = config_of()
    put(config, f"{PLATFORM}.tags", {AWS_KEY: "x"})

    faults = faults_of(config)

    assert f"{PLATFORM}.tags: {SECRET_RULE}" in faults
    assert AWS_KEY not in "".join(faults)


@pytest.mark.parametrize(
    "key",
    [
        "secret_access_key",
        "aws_secret_access_key",
        "AWS_ACCESS_KEY_ID",
        "secretKey",
        "api-key",
        "db_password",
        "passphrase",
        "client_secret",
        "apiToken",
    ],
)
@pytest.mark.parametrize("secret", [AWS_SECRET, "hunter2"])
def test_anything_is_a_secret_whose_key_says_so(cloud, key, secret):
    config = config_of()
    put(config, f"{PLATFORM}.tags", {key: secret, "commit": "0a" * 20})

    faults = faults_of(config)

    assert faults == [f"{PLATFORM}.tags.{key}: {SECRET_RULE}"]


@pytest.mark.parametrize("key", ["aws:accessKey", "aws:secretKey", "aws:token", "gcp:credentials"])
def test_a_providers_credentials_are_refused_in_clear_and_taken_encrypted(cloud, key):
    config = config_of()
    config[key] = "whatever it looks like"

    assert faults_of(config) == [f"{key}: {SECRET_RULE}"]

    configure(config)
    given = {**pulumi.runtime.config.CONFIG.get()}
    set_all_config(given, [key])
    assert settings.load()


def test_a_section_is_not_encrypted_as_its_values_are_told(cloud):
    config = config_of()
    put(config, f"{MODEL}.image", "a secret of mine")
    configure(config)
    set_all_config({**pulumi.runtime.config.CONFIG.get()}, [MODELS])

    with pytest.raises(pulumi.RunError) as refusal:
        settings.load()

    assert str(refusal.value).splitlines()[1:] == [
        f"  {MODELS}: must not hold encrypted values: what it says is told to everybody"
    ]


def test_what_only_looks_long_is_no_secret(cloud):
    config = config_of()
    put(config, f"{PLATFORM}.secrets_key", f"arn:aws:kms:us-west-2:123456789012:key/{'0a' * 18}")
    put(config, f"{MODEL}.image", f"tensorflow/serving@sha256:{'0a' * 32}")
    configure(config)

    faults: list[str] = []
    try:
        settings.load()
    except pulumi.RunError as refusal:
        faults = [line for line in str(refusal).splitlines() if SECRET_RULE in line]
    assert faults == []
