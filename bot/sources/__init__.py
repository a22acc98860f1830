"""Sources that are only listened to: nobody posts there from here. One file each."""
