"""TWIN: one partition for each twin that the twins file declares.

Imported only while definitions load, because it reads that file.
"""

import dagster as dg

from resources.settings import Settings
from resources.twins import load_twins

TWIN = dg.StaticPartitionsDefinition(load_twins(Settings().config).names)
