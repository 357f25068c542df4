"""GuardDuty: what looks wrong in the account.

saltext-boto3 1.2.0 has nothing for it.
"""

from typing import Any

from salt.exceptions import CommandExecutionError

__virtualname__ = "aws_guardduty"

Tags = dict[str, str]
Result = dict[str, Any]


def present(name: str, tags: Tags, region: str | None = None, profile: str | None = None) -> Result:
    """Make sure that GuardDuty watches a region, and tells of findings that go on every fifteen minutes.

    A region can have one detector only. Somebody else's serves as well, and is left as it is.

    Args:
        name: the Name tag of ours.
        tags: further tags, by which ours is known; they are set when it is made.
        region: where, as ``eu-west-1``.
        profile: of the AWS configuration; none: boto3's usual chain.
    """
    guardduty = __salt__["aws_resource.client"]("guardduty", region, profile)
    desired = {"Status": "ENABLED", "FindingPublishingFrequency": "FIFTEEN_MINUTES"}
    settings = {"Enable": True, "FindingPublishingFrequency": desired["FindingPublishingFrequency"]}

    def read() -> Result | None:
        for detector in _detectors(guardduty).values():
            if tags.items() <= detector.get("Tags", {}).items():
                return {key: detector[key] for key in desired}
            if detector["Status"] != "ENABLED":
                raise CommandExecutionError(
                    f"{name}: the region's detector is switched off and has not the tags {tags}: "
                    "whoever made it has to switch it on, or to delete it"
                )
            return desired
        return None

    def create() -> None:
        guardduty.create_detector(**settings, Tags=tags | {"Name": name})

    def update(_changed: Result) -> None:
        (detector,) = _detectors(guardduty)
        guardduty.update_detector(DetectorId=detector, **settings)

    return __salt__["aws_resource.present"](name, desired=desired, read=read, create=create, update=update)


def detectors_absent(name: str, tags: Tags, region: str | None = None, profile: str | None = None) -> Result:
    """Make sure that there is no detector with these tags; its findings go with it.

    Args:
        name: for people.
        tags: what tells ours from others.
        region: see `present`.
        profile: see `present`.
    """
    guardduty = __salt__["aws_resource.client"]("guardduty", region, profile)

    def read() -> list[str]:
        return [
            detector
            for detector, found in _detectors(guardduty).items()
            if tags.items() <= found.get("Tags", {}).items()
        ]

    def delete(found: list[str]) -> None:
        for detector in found:
            guardduty.delete_detector(DetectorId=detector)

    return __salt__["aws_resource.absent"](name, read=read, delete=delete)


def _detectors(guardduty: Any) -> dict[str, Result]:
    """Return the region's detectors, of which AWS allows one, by id."""
    ids = guardduty.list_detectors()["DetectorIds"]
    return {detector: guardduty.get_detector(DetectorId=detector) for detector in ids}
