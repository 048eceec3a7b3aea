-- Pages of a journey's instances, whatever their stage, in order of id.
CREATE INDEX instances_in_order ON instances (tenant, journey, instance_id);
