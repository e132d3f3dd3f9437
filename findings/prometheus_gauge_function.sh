#!/usr/bin/env bash
# prometheus-client 0.26.0: a gauge that was removed keeps what its function refers to until the garbage collector runs.
#
# Gauge.labels(...).set_function(f) stores a closure on the child that refers to the child itself: a cycle. After Gauge.remove(...) nothing is freed by
# counting references; everything that f holds (a model, say) waits for a collection, and after gc.freeze(), which long-lived services call to spare
# the collector their start-up, it stays for ever. What helps: let f refer to what it measures weakly, or drop it by hand.
# Output seen:
#   after remove()        alive: True
#   after gc.collect()    alive: False
#   frozen, removed, collected  alive: True
# Exits 1 if this has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$place" prometheus-client==0.26.0
PYTHONPATH=$place python3 - <<'PY'
import gc
import sys
import weakref

from prometheus_client import CollectorRegistry, Gauge


class Model:
    size = 1.0


def followed(gauge, name):
    model = Model()
    gauge.labels(name).set_function(lambda: model.size)
    return weakref.ref(model)


gc.disable()
gauge = Gauge("g", "g", ["release"], registry=CollectorRegistry())
first = followed(gauge, "a")
gauge.remove("a")
after_remove = first() is not None
print("after remove()        alive:", after_remove)
gc.collect()
after_collect = first() is not None
print("after gc.collect()    alive:", after_collect)
second = followed(gauge, "b")
gc.freeze()
gauge.remove("b")
gc.collect()
frozen = second() is not None
print("frozen, removed, collected  alive:", frozen)
sys.exit(0 if (after_remove, after_collect, frozen) == (True, False, True) else 1)
PY
