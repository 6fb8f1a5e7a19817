import { z } from 'zod';

interface Media {
  readonly schema: { readonly $ref?: string };
}

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          { readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>> }
        >
      >
    >
  >;
  readonly components: { readonly schemas: object };
}

/** An answer as it goes out. */
export interface ToldAnswer {
  readonly method: string;
  /** As the router has it: `/v1/tickets/:id`. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

/** Holds answers against an OpenAPI document: status, media type and body are what it says. */
export class OpenapiCheck {
  readonly #document: Document;
  readonly #definitions: object;

  constructor(document: object) {
    this.#document = document as Document;
    const { schemas } = this.#document.components;
    this.#definitions = JSON.parse(JSON.stringify(schemas).replaceAll('#/components/schemas/', '#/$defs/')) as object;
  }

  /** `METHOD /path` of all that is described. */
  get operations(): readonly string[] {
    return Object.entries(this.#document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{([a-z_]+)\}/g, ':$1')}`),
    );
  }

  /** @returns what the document does not allow of it; `undefined` where it is as described. */
  disagreement({ method, path, status, contentType, body }: ToldAnswer): string | undefined {
    const where = `${method} ${path} ${status}`;
    const operation = this.#document.paths[path.replaceAll(/:([a-z_]+)/g, '{$1}')]?.[method.toLowerCase()];
    if (operation === undefined) return `${where}: there is no such operation`;
    // What a server may answer to anything; every other status has to be told.
    const common = status >= 500 || status === 408 || status === 431 ? operation.responses['default'] : undefined;
    const response = operation.responses[String(status)] ?? common;
    if (response === undefined) return `${where}: the status is not described (${body.slice(0, 100)})`;
    if (response.content === undefined) return body === '' ? undefined : `${where}: has a body`;
    const media = response.content[contentType?.split(';', 1)[0] ?? ''];
    if (media === undefined) return `${where}: ${contentType} is not described`;
    const { $ref } = media.schema;
    if ($ref === undefined) return undefined;
    const schema = z.fromJSONSchema({
      $ref: $ref.replace('#/components/schemas/', '#/$defs/'),
      $defs: this.#definitions,
    } as never);
    const parsed = schema.safeParse(JSON.parse(body));
    return parsed.success ? undefined : `${where}: ${z.prettifyError(parsed.error)}`;
  }
}
