// What a schema of the contract looks like: a sample of it, and the list of its fields.

/** Follows a reference inside the document. */
export function resolve(contract, schema) {
  let found = schema;
  while (found?.$ref) {
    found = found.$ref.slice(2).split("/").reduce((place, name) => place?.[name], contract);
  }
  return found ?? {};
}

/** The short name of what a schema is, such as `Course`, `string` or `Lesson[]`. */
export function typeName(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.type === "array") return `${typeName(schema.items)}[]`;
  if (schema.type === "object" && schema.additionalProperties) return `map of ${typeName(schema.additionalProperties)}`;
  return schema.format ? `${schema.type} (${schema.format})` : (schema.type ?? "any");
}

/** A value of the schema, to begin with. Fields that the server fills are left out. */
export function sample(contract, schema, depth = 0) {
  const { enum: values, examples, type, format, items, properties, minimum } = resolve(contract, schema);
  if (examples) return examples[0];
  if (values) return values[1] ?? values[0];
  if (type === "array") return depth > 3 ? [] : [sample(contract, items, depth + 1)];
  if (type === "object") {
    if (depth > 3) return {};
    const fields = Object.entries(properties ?? {}).filter(([, field]) => !field.readOnly);
    return Object.fromEntries(fields.map(([name, field]) => [name, sample(contract, field, depth + 1)]));
  }
  if (type === "boolean") return false;
  if (type === "integer") return Math.max(0, minimum ?? 0);
  if (format === "date-time") return "2026-01-31T09:00:00Z";
  if (format === "int64" || format === "uint64") return "0";
  return "";
}
