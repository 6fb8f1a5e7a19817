import { z } from 'zod';
import { PROBLEM_MEDIA_TYPE, problemSchema } from './problem.ts';

/** One call of an HTTP interface, as its OpenAPI document describes it. */
export interface Operation {
  readonly method: 'get' | 'post' | 'delete';
  readonly path: string;
  readonly summary: string;
  /** Who may call. */
  readonly credential: 'none' | 'node' | 'administrator';
  readonly query?: z.ZodObject;
  readonly request?: z.ZodType;
  /** Answer by status; `undefined` where it has no body, a text where it is not JSON: its media types. */
  readonly answers: Readonly<Record<number, z.ZodType | undefined | string>>;
  readonly refusals: readonly number[];
}

/** @param operations in the order in which they are to be shown. */
export function openapiOf(
  info: { title: string; version: string; description: string },
  operations: readonly Operation[],
): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) {
    paths[operation.path] ??= {};
    (paths[operation.path] as Record<string, object>)[operation.method] = operationObject(operation);
  }
  return {
    openapi: '3.1.0',
    info,
    paths,
    components: {
      schemas: schemasOf([problemSchema, ...operations.flatMap(schemasIn)]),
      securitySchemes: {
        node: { type: 'mutualTLS', description: 'client certificate of a node of the mesh' },
        administrator: { type: 'mutualTLS', description: 'client certificate of an administrator' },
        signature: {
          type: 'apiKey',
          in: 'header',
          name: 'authorization',
          description: 'request signed as AWS SigV4A does, with an administrator’s access key (spec 09 requests)',
        },
      },
    },
  };
}

/** Any one of these is enough. */
const SECURITY: Readonly<Record<Operation['credential'], readonly object[]>> = {
  none: [],
  node: [{ node: [] }],
  administrator: [{ administrator: [] }, { signature: [] }],
};

/** Of a body that nobody reads, also where none is expected. */
const BODY_REFUSALS = [400, 413, 415];

function operationObject({ method, path, summary, credential, query, request, answers, refusals }: Operation): object {
  const responses: Record<string, object> = {};
  for (const [status, answer] of Object.entries(answers))
    responses[status] = { description: status === '304' ? 'Not modified' : 'Done', ...contentOf(answer) };
  const problem = { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } };
  // A signed request may be malformed, and its body too large to be hashed, whatever the call takes.
  const ofSigned = credential === 'administrator' ? [400, 413] : [];
  for (const status of new Set([...refusals, ...ofSigned, ...(method === 'get' ? [] : BODY_REFUSALS)]))
    responses[status] = { description: 'Refused; the body says why', content: problem };
  responses['default'] = { description: 'No HTTP request that is read here, or the server failed', content: problem };
  const parameters = [...pathParameters(path), ...queryParameters(query)];
  return {
    summary,
    security: SECURITY[credential],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(request === undefined ? {} : { requestBody: { required: true, ...contentOf(request) } }),
    responses,
  };
}

function pathParameters(path: string): object[] {
  const names = [...path.matchAll(/\{([a-z_]+)\}/g)].map(([, name]) => name);
  return names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
}

/** All members of the queries described here are numbers that may be left out, see `queryInteger`. */
function queryParameters(query: z.ZodObject | undefined): object[] {
  return Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    ...descriptionOf(schema as z.ZodType),
    schema: { type: 'integer', minimum: 0 },
  }));
}

function descriptionOf({ description }: z.ZodType): object {
  return description === undefined ? {} : { description };
}

function contentOf(answer: z.ZodType | string | undefined): object {
  if (answer === undefined) return {};
  if (typeof answer === 'string')
    return {
      content: Object.fromEntries(
        answer.split(' ').map((type) => [type, { schema: { type: 'string', format: 'binary' } }]),
      ),
    };
  return { content: { 'application/json': { schema: { $ref: `#/components/schemas/${idOf(answer)}` } } } };
}

function schemasIn({ request, answers }: Operation): z.ZodType[] {
  const bodies = Object.values(answers).filter((answer) => answer !== undefined && typeof answer !== 'string');
  return request === undefined ? bodies : [request, ...bodies];
}

/** Each named schema once, those inside others by reference. */
function schemasOf(schemas: readonly z.ZodType[]): Record<string, unknown> {
  const registry = z.registry<{ id: string }>();
  const uri = (id: string): string => `#/components/schemas/${id}`;
  const collect = (schema: z.ZodType): void => {
    const id = schema.meta()?.id;
    if (id !== undefined && !registry.has(schema)) registry.add(schema, { id });
    for (const child of childrenOf(schema)) collect(child);
  };
  for (const schema of schemas) collect(schema);
  const { schemas: found } = z.toJSONSchema(registry, { uri, io: 'input' });
  return Object.fromEntries(Object.entries(found).map(([id, schema]) => [id, withoutIdentifiers(schema)]));
}

/** Inside a document the place of a schema is its name; the members that name it are for schemas that stand alone. */
function withoutIdentifiers(schema: object): object {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => !['$schema', '$id', 'id'].includes(name)));
}

/** Schemas that stand directly inside another. */
function childrenOf(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodObject) return Object.values<z.ZodType>(schema.shape);
  if (schema instanceof z.ZodArray) return [schema.element as z.ZodType];
  if (schema instanceof z.ZodOptional) return [schema.unwrap() as z.ZodType];
  return [];
}

function idOf(schema: z.ZodType): string {
  return schema.meta()?.id ?? 'unnamed';
}
