-- The sweep of networks that no longer count.
CREATE INDEX known_networks_last_login_at_idx ON known_networks (last_login_at);
