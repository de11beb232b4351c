"""Many greenlets of eventlet, which patches the standard library first thing."""

import eventlet

eventlet.monkey_patch()

from green import main  # noqa: E402

main(eventlet.spawn, lambda threads: [thread.wait() for thread in threads])
