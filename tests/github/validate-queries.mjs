// Checks GraphQL against GitHub's schema. Called with the folder that `tests/github/schema` prints.
//
// From standard input it reads {"queries": [text…], "types": [name…]}; it prints {"faults": [[message…]…], "types":
// {name: {mayBe: [name…], fields: {name: {type, arguments: {name: {type, required}}}}}}}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const folder = resolve(process.argv[2]);
const graphql = createRequire(import.meta.url)(join(folder, "graphql"));
// GitHub's schema defines two fields twice, which a strict reader refuses.
const lenient = { assumeValid: true, assumeValidSDL: true };
const schema = graphql.buildSchema(readFileSync(join(folder, "schema.graphql"), "utf8"), lenient);
const asked = JSON.parse(readFileSync(0, "utf8"));

const faults = asked.queries.map((query) => {
  try {
    return graphql.validate(schema, graphql.parse(query)).map((fault) => fault.message);
  } catch (fault) {
    return [fault.message];
  }
});

const types = {};
for (const name of asked.types) {
  const type = schema.getType(name);
  if (!type) continue;
  const fields = {};
  for (const field of Object.values(type.getFields())) {
    const args = field.args.map((argument) => [
      argument.name,
      { type: String(argument.type), required: graphql.isRequiredArgument(argument) },
    ]);
    fields[field.name] = { type: graphql.getNamedType(field.type).name, arguments: Object.fromEntries(args) };
  }
  const mayBe = graphql.isAbstractType(type)
    ? schema.getPossibleTypes(type).map((it) => it.name)
    : type.getInterfaces().map((it) => it.name);
  types[name] = { fields, mayBe };
}
process.stdout.write(JSON.stringify({ faults, types }));
