"""Tools on RenovationFind: leads, statuses, referrals, and the account."""
