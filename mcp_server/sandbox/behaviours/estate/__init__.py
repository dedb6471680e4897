"""What the organization owns as a whole: networks joined and parted, clones, licences, subscriptions, groups."""
