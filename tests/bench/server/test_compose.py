"""docker-compose.yml gives the same server as the embedded one.

These tests run without a container engine. The schema below is a strict subset of the compose
specification: the keys of our file, in the form that it uses.
"""

import re
from typing import Any

import jsonschema
import pytest
import yaml

from bench.server.embedded import INITDB_OPTIONS, SERVER_SETTINGS
from bench.server.programs import MAJOR_VERSION
from tests.root import ROOT

FILE = ROOT / "docker-compose.yml"

TEXT = {"type": "string", "minLength": 1}
DURATION = {"type": "string", "pattern": r"^(\d+h)?(\d+m)?(\d+s)?$", "minLength": 2}
HEALTHCHECK = {
    "type": "object",
    "additionalProperties": False,
    "required": ["test", "interval", "timeout", "retries"],
    "properties": {
        "test": {
            "type": "array",
            "prefixItems": [{"enum": ["CMD", "CMD-SHELL"]}],
            "items": TEXT,
            "minItems": 2,
        },
        "interval": DURATION,
        "timeout": DURATION,
        "start_period": DURATION,
        "retries": {"type": "integer", "minimum": 1},
    },
}
SERVICE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["image", "command", "environment", "ports", "healthcheck", "volumes"],
    "properties": {
        "image": TEXT,
        "command": {"type": "array", "items": TEXT, "minItems": 1},
        "environment": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Z][A-Z0-9_]*$"},
            "additionalProperties": TEXT,
        },
        "ports": {"type": "array", "items": TEXT, "uniqueItems": True},
        "healthcheck": HEALTHCHECK,
        "volumes": {"type": "array", "items": TEXT, "uniqueItems": True},
    },
}
COMPOSE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["services"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-zA-Z0-9._-]+$"},
            "additionalProperties": SERVICE,
        },
        "volumes": {"type": "object", "additionalProperties": {"type": "null"}},
    },
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load(FILE.read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def service(compose: dict[str, Any]) -> dict[str, Any]:
    assert list(compose["services"]) == ["db"]
    found = compose["services"]["db"]
    assert isinstance(found, dict)
    return found


def test_it_is_well_formed(compose: dict[str, Any]) -> None:
    jsonschema.validate(compose, COMPOSE, cls=jsonschema.Draft202012Validator)


def test_its_tag_is_pinned_to_a_minor_version(service: dict[str, Any]) -> None:
    assert re.fullmatch(rf"postgres:{MAJOR_VERSION}\.\d+", service["image"])


def test_its_settings_are_those_of_the_embedded_server(service: dict[str, Any]) -> None:
    program, *options = service["command"]
    assert program == "postgres"
    assert options[::2] == ["-c"] * len(SERVER_SETTINGS)
    assert dict(option.split("=", 1) for option in options[1::2]) == SERVER_SETTINGS
    assert service["environment"]["POSTGRES_INITDB_ARGS"].split() == list(INITDB_OPTIONS)


def test_it_says_when_it_is_ready(service: dict[str, Any]) -> None:
    environment = service["environment"]
    check = service["healthcheck"]["test"][1]
    assert check.startswith("pg_isready ")
    assert f"--username={environment['POSTGRES_USER']}" in check
    assert f"--dbname={environment['POSTGRES_DB']}" in check
    # While the image sets up its database, its server has no TCP: it must not count as ready.
    assert "--host=127.0.0.1" in check


def test_only_this_machine_reaches_it(service: dict[str, Any]) -> None:
    (port,) = service["ports"]
    assert re.fullmatch(r"127\.0\.0\.1:\$\{\w+:-5432\}:5432", port)


def test_its_rows_are_in_a_named_volume(compose: dict[str, Any], service: dict[str, Any]) -> None:
    (volume,) = service["volumes"]
    name, target = volume.split(":")
    assert name in compose["volumes"]
    assert target == "/var/lib/postgresql"  # the data folder of the image of version 18
