# Catalogue: who may see that a dataset exists. What only a request can state is left open.
package trustspace.points

discussing contains "catalog"

kinds["catalog"] := {"offer", "set"}
