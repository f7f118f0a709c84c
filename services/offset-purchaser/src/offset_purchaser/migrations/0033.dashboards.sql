-- The reader of the dashboards sees the tables of its panels and no others, so neither secrets of webhooks, nor keys, nor
-- evidence. The role is made by deploy/postgres/roles.sh, and where it is not there, nothing is given.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'dashboards') THEN
        EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA ' || quote_ident(current_schema()) || ' FROM dashboards';
        GRANT SELECT ON campaigns, campaign_versions, readings, settlements, frozen_settlements, orders, order_attempts,
            entries, documents TO dashboards;
    END IF;
END
$$;
