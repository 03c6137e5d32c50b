"""Long work in a process of its own: a queue, a worker, and records on disk that outlive both.

job.py        what a job is
reporter.py   a Reporter that writes JSON lines
worker.py     the process: python -m labcut3d.app.jobs.worker PROJECT TASK [RECORDING]
process.py    starting it, reading its lines, ending it with all that it started
journal.py    results/.jobs/: a record and a log of each job
progress.py   what the lines tell: how far, how long still, the curve of the loss
queue.py      one job after the other
"""
