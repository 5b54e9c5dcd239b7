"""A cohort of phantoms: patients scanned over years, with metastases that grow or heal."""

from .files import write_patient, write_tables
from .plan import CohortOptions, PatientPlan, plan_cohort
from .scans import CohortScan, patient_scans

__all__ = [
    "CohortOptions",
    "CohortScan",
    "PatientPlan",
    "patient_scans",
    "plan_cohort",
    "write_patient",
    "write_tables",
]
