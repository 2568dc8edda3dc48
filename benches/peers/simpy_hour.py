"""The reference workload (models/reference) with SimPy: a process per producer and member, an event per record.

usage: simpy_hour.py RATE SEED, with RATE in records/s; prints one JSON object.
"""

import json
import sys
from collections import deque
from random import Random

import simpy

PARTITIONS, MEMBERS, MOST = 12, 6, 500
MEAN, COMMIT = 0.004, 0.002
HOUR, PAUSE, RESUME = 3600, 1800.0, 1810.0


class Hour:
    def __init__(self, rate, seed):
        self.env = simpy.Environment()
        self.draws = Random(seed)
        self.unread = [deque() for _ in range(PARTITIONS)]
        self.sleeping = [None] * MEMBERS
        self.lag = self.most = self.total = self.polls = 0
        self.env.process(self.produce(rate))
        for member in range(MEMBERS):
            self.env.process(self.consume(member))
        self.env.process(self.sample())
        self.env.run(until=HOUR + 1e-9)

    def produce(self, rate):
        while True:
            partition = self.draws.randrange(PARTITIONS)
            self.unread[partition].append(self.env.now)
            self.lag += 1
            sleeper, self.sleeping[partition // 2] = self.sleeping[partition // 2], None
            if sleeper is not None:
                sleeper.succeed()
            yield self.env.timeout(self.draws.expovariate(rate))

    def works(self, length):
        """A time of work; during the pause it stands still."""
        now = self.env.now
        if now < PAUSE <= now + length:
            length += RESUME - PAUSE
        return self.env.timeout(length)

    def consume(self, member):
        first = 0
        while True:
            if PAUSE <= self.env.now < RESUME:
                yield self.env.timeout(RESUME - self.env.now)
            taken = 0
            for partition in (2 * member + first, 2 * member + 1 - first):
                while self.unread[partition] and taken < MOST:
                    self.unread[partition].popleft()
                    taken += 1
            if not taken:
                self.sleeping[member] = self.env.event()
                yield self.sleeping[member]
                continue
            self.polls += 1
            first = 1 - first
            for _ in range(taken):
                yield self.works(self.draws.expovariate(1 / MEAN))
            yield self.works(COMMIT)
            self.lag -= taken

    def sample(self):
        while True:
            yield self.env.timeout(1.0)
            self.total += self.lag
            self.most = max(self.most, self.lag)


if __name__ == "__main__":
    ran = Hour(float(sys.argv[1]), int(sys.argv[2]))
    told = {
        "polls": ran.polls,
        "max_lag": ran.most,
        "mean_lag": ran.total / HOUR,
        "final_lag": ran.lag,
    }
    print(json.dumps(told))
