"""What a home in S3 is opened with."""

from resources.leases import LEASE_SECONDS


def test_requests_that_hang_end_before_a_lease_is_lost(s3_home):
    for client in (s3_home.client.client, s3_home.client.s3.meta.client):
        given = client.meta.config
        assert given.retries == {"mode": "standard", "total_max_attempts": 2}
        one_try, pause = given.connect_timeout + given.read_timeout, 1
        assert 2 * one_try + pause < LEASE_SECONDS
        # What renews a lease after a third of its time tries again before it counts as lost.
        assert LEASE_SECONDS / 3 + one_try + pause < LEASE_SECONDS * 5 / 6
