//! Who counts, who belongs to the household, who is whose, and where to: R1-R7 and R9-R16. Pure.
