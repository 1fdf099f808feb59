-- Series with a picture, by collection: what stands for a collection is found without looking at all its series.
create index series_pictured on images.series (collection_id, id) where upper_inf(releases) and cover_instance_id is not null;
