"""What a span cost, in US dollars: computed on the writer's side, from prices that are given or from maintained data."""
