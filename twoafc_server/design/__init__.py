"""What a study is before anyone takes part: its file, its stimuli, its balanced plan."""
