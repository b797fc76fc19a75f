"""The demo study: a study file and a stimulus folder of rendered faces, people who do not exist."""
