import { expect } from 'chai';
import type { Router } from 'express';
import { createApp } from '../../../api/app.ts';
import { expressPath } from '../../../api/http/mount.ts';
import { problems } from '../../../api/problem.ts';
import { routes } from '../../../api/routes/table.ts';
import { sharedService, type TestService } from '../fixture.ts';

// biome-ignore lint/suspicious/noExplicitAny: a document of any depth
type Json = any;

describe('the OpenAPI document', () => {
  let test: TestService;
  let document: Json;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
    document = (await test.get('/openapi.json')).body;
  });

  /** Every object in it, with the way there. */
  function* objects(value: Json, path = '#'): Generator<[string, Record<string, Json>]> {
    if (value === null || typeof value !== 'object') return;
    if (!Array.isArray(value)) yield [path, value];
    for (const [key, member] of Object.entries(value)) yield* objects(member, `${path}/${key}`);
  }

  it('is of version 3.1 and says where the service is', () => {
    expect(document.openapi).to.match(/^3\.1\./);
    expect(document.info).to.include.keys('title', 'version', 'license');
    expect(document.servers).to.deep.equal([{ url: test.url }]);
  });

  it('has no reference that leads nowhere', () => {
    const references = [...objects(document)].flatMap(([path, { $ref }]) =>
      typeof $ref === 'string' ? [[path, $ref]] : [],
    );
    expect(references.length).to.be.greaterThan(10);
    for (const [path, reference] of references) {
      const found = String(reference)
        .slice(2)
        .split('/')
        .reduce<Json>((node, key) => node?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document);
      expect(found, `${path} → ${reference}`).to.be.an('object');
    }
  });

  it('uses every schema that it names', () => {
    const text = JSON.stringify(document);
    for (const name of Object.keys(document.components.schemas)) {
      expect(text, name).to.include(`"#/components/schemas/${name}"`);
    }
  });

  it('has no schema that does not say what it is', () => {
    for (const [path, { properties }] of objects(document)) {
      if (properties === undefined || typeof properties !== 'object') continue;
      for (const [name, schema] of Object.entries(properties)) {
        expect(schema, `${path}/${name}`).to.satisfy(
          (one: unknown) => typeof one === 'object' || one === true,
        );
      }
    }
  });

  it('gives each operation a name of its own, a summary, a tag and its answers', () => {
    const names = new Set<string>();
    const tags = document.tags.map(({ name }: { name: string }) => name);
    for (const [path, operations] of Object.entries<Json>(document.paths)) {
      for (const [method, operation] of Object.entries<Json>(operations)) {
        const at = `${method} ${path}`;
        expect(names.has(operation.operationId), at).to.equal(false);
        names.add(operation.operationId);
        expect(operation.summary, at).to.match(/^[A-Z].*\.$/);
        expect(tags, at).to.include(operation.tags[0]);
        const statuses = Object.keys(operation.responses);
        expect(statuses, at).to.include('default').and.to.have.length.greaterThan(1);
        for (const scheme of operation.security.flatMap((one: object) => Object.keys(one))) {
          expect(document.components.securitySchemes, at).to.have.property(scheme);
        }
      }
    }
  });

  it('declares exactly the parameters of each path', () => {
    for (const [path, operations] of Object.entries<Json>(document.paths)) {
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const operation of Object.values<Json>(operations)) {
        const declared = (operation.parameters ?? []).filter((one: Json) => one.in === 'path');
        expect(
          declared.map((one: Json) => one.name),
          path,
        ).to.have.members(wanted);
        for (const parameter of declared) expect(parameter.required).to.equal(true);
      }
    }
  });

  it('names only codes that exist', () => {
    for (const route of routes) {
      for (const code of route.problems) {
        const known =
          Object.hasOwn(problems, code) ||
          /^(vin|identifier|kind|envelope|disclosure|block|tree|title|consent|alert|partCode|scan)\./.test(
            code,
          );
        expect(known, `${route.name}: ${code}`).to.equal(true);
      }
    }
  });

  it('names at every route the failures of a token, and what is said of a report that the client has', async () => {
    const codes = ['auth.invalid', 'auth.notInGoodStanding', 'auth.unknownKey'];
    for (const [path, operations] of Object.entries<Json>(document.paths)) {
      for (const [method, operation] of Object.entries<Json>(operations)) {
        expect(operation.responses.default['x-problem-codes'], `${method} ${path}`).to.include.members(codes);
      }
    }
    for (const [described, operations] of Object.entries<Json>(document.paths)) {
      const isReport = /^\/v1\/(vehicles|batches|serials)\/.*\/report$/.test(described);
      if (isReport) expect(operations.get.responses, described).to.have.property('304');
    }
  });

  it('describes every route that is served, and no other', async () => {
    const app = await createApp(test.service.services);
    const served = (app.router as unknown as Router).stack.flatMap((layer) => {
      const { route } = layer as unknown as { route?: { path: string; methods: Record<string, boolean> } };
      if (route === undefined || route.methods._all === true) return [];
      return Object.keys(route.methods).map((method) => `${method} ${route.path}`);
    });
    const pages = ['/', '/icon.svg', '/assets/:file', '/docs.css'].map((path) => `get ${path}`);
    const described = Object.entries<Json>(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method} ${expressPath(path)}`),
    );
    const elsewhere = ['get /ipfs/:cid'];
    expect([...new Set(served)]).to.have.members([
      ...described.filter((one) => !elsewhere.includes(one)),
      ...pages,
    ]);
  });

  it('answers at every path that it describes', async () => {
    for (const route of routes) {
      const path = route.path.replaceAll(/\{\w+\}/g, 'x');
      const reply = await fetch(test.url + path, { method: route.method.toUpperCase() });
      const { code } = reply.status < 400 ? { code: '' } : ((await reply.json()) as { code: string });
      expect(
        ['request.unknownRoute', 'request.method', 'internal'],
        `${route.method} ${path}`,
      ).not.to.include(code);
    }
  });

  it('is a page for people too, with every operation and nothing from elsewhere', async () => {
    const { text, headers } = await test.get('/docs');
    expect(headers.get('Content-Type')).to.match(/^text\/html/);
    for (const route of routes) expect(text).to.include(`id="${route.name}"`);
    expect(text).not.to.match(/<script/);
    expect(text).not.to.match(/(src|href)="https?:/);
  });
});
