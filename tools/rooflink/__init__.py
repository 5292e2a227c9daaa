"""Tools on RoofLink: prospects, jobs, notes, photos, customers, the calendar, regions and reports."""
