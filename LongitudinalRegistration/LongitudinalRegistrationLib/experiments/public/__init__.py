"""Public sets of scans, as they are downloaded, made into cohorts: TCIA, DIR-Lab 4DCT, Learn2Reg."""
