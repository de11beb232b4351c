"""Many greenlets of gevent, which patches the standard library first thing."""

from gevent import monkey

monkey.patch_all()

import gevent  # noqa: E402
from green import main  # noqa: E402

main(gevent.spawn, gevent.joinall)
