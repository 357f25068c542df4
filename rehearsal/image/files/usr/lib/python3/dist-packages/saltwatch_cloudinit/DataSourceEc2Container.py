"""EC2's metadata service for a host that is a container.

cloud-init takes a machine for an EC2 instance, and then asks for IMDSv2 tokens, by the machine's DMI
UUID. A container has none of its own. Everything else is cloud-init's own Ec2 data source.
"""

from cloudinit import sources
from cloudinit.sources import DataSourceEc2


class DataSourceEc2Container(DataSourceEc2.DataSourceEc2):
    """EC2, known by configuration instead of DMI."""

    dsname = "Ec2Container"

    def _get_cloud_name(self):
        return DataSourceEc2.CloudNames.AWS


def get_datasource_list(depends):
    """Return the data sources here that need no more than ``depends`` (cloud-init's plug-in interface)."""
    available = [(DataSourceEc2Container, (sources.DEP_FILESYSTEM, sources.DEP_NETWORK))]
    return sources.list_from_depends(depends, available)
