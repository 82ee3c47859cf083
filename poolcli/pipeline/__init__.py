"""One picture from path to path: what a job is, the straight line, and the way of arrays larger than memory."""

from poolcli.pipeline.job import Job as Job
from poolcli.pipeline.job import Outcome as Outcome
from poolcli.pipeline.job import Settings as Settings
