import { expect } from 'chai';
import fc from 'fast-check';
import { fromBase64Url } from '../../../core/bytes.ts';
import { correct } from '../../../core/epcis/corrections.ts';
import { type EpcisEvent, parseDocument, parseEvent } from '../../../core/epcis/document.ts';
import { mapEvent } from '../../../core/epcis/mapping.ts';
import { subjectOf, uriOf } from '../../../core/epcis/subject.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { validateData } from '../../../core/kinds/validate.ts';
import { contentOf } from '../../../core/supply/statement.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { sharedDocuments } from './documents.ts';

const PRODUCT = '04012345111118';
const BATCH = `batch:id.gs1.org:01/${PRODUCT}/10/LOT-1`;
const BATCH_URI = `https://id.gs1.org/01/${PRODUCT}/10/LOT-1`;
const SERIAL = (number: string) => `serial:id.gs1.org:01/${PRODUCT}/21/${number}`;
const SERIAL_URI = (number: string) => `urn:epc:id:sgtin:4012345.011111.${number}`;
const VIN = '1M8GDM9AXKP042788';

const frame = {
  namespaces: { ex: 'https://ns.example.com/', cbvmda: 'urn:epcglobal:cbv:mda:' },
  ignored: [],
};
const base = { eventTime: '2024-03-01T23:30:00.900Z', eventTimeZoneOffset: '+01:00' };
const place = { readPoint: { id: 'urn:epc:id:sgln:4012345.00005.0' } };

const map = (event: object, party?: string) =>
  mapEvent(parseEvent({ ...base, ...event }, 'events[0]') as EpcisEvent, 'events[0]', {
    frame,
    ...(party === undefined ? {} : { party }),
  });
const object = (event: object, party?: string) =>
  map({ type: 'ObjectEvent', action: 'OBSERVE', ...place, ...event }, party);
const said = (mapping: ReturnType<typeof map>) =>
  mapping.statements.map(({ identifier, content }) => `${content.kind} ${identifier}`);
const codes = (mapping: ReturnType<typeof map>) => mapping.problems.map(({ code, at }) => `${code} ${at}`);

describe('mapEvent', () => {
  it('maps or names every event of the GS1 examples, and whatever it says is valid', function () {
    const documents = sharedDocuments('gs1-examples');
    if (documents === null) this.skip();
    const outcomes = { said: 0, declared: 0, named: 0 };
    for (const { name, value } of documents) {
      const parsed = parseDocument(value);
      for (const [index, event] of parsed.events.entries()) {
        const { statements, declaration, problems, source } = mapEvent(event, `events[${index}]`, parsed);
        expect(
          problems.every(({ note }) => note === true),
          name,
        ).to.equal(true);
        expect(source.hash).to.match(/^ni:\/\/\/sha-256;[0-9a-f]{64}\?ver=CBV2\.0$/);
        for (const statement of statements) {
          const { kind, data } = contentOf(statement);
          expect(() => validateData(kind, 1, data), name).not.to.throw();
          expect(() => parseIdentifier(statement.identifier), name).not.to.throw();
        }
        if (declaration !== undefined) outcomes.declared += 1;
        else if (statements.length > 0) outcomes.said += 1;
        else {
          outcomes.named += 1;
          expect(
            problems.map(({ code }) => code),
            name,
          ).to.include('epcis.notMapped');
        }
      }
    }
    expect(outcomes).to.deep.equal({ said: 13, declared: 9, named: 34 });
  });

  it('says how a batch was made', () => {
    const mapping = object({
      action: 'ADD',
      bizStep: 'commissioning',
      disposition: 'active',
      quantityList: [{ epcClass: 'urn:epc:class:lgtin:4012345.011111.LOT-1', quantity: 500.5, uom: 'KGM' }],
      ilmd: { 'cbvmda:itemExpirationDate': '2026-01-01', 'cbvmda:descriptionShort': 'Steel 钢' },
      bizTransactionList: [{ type: 'po', bizTransaction: 'urn:order:1' }],
    });
    expect(mapping.problems).to.deep.equal([]);
    expect(mapping.statements).to.deep.equal([
      {
        identifier: BATCH,
        content: {
          kind: 'batch.produced',
          kindVersion: 1,
          time: '2024-03-01T23:30:00Z',
          data: {
            bizStep: 'commissioning',
            disposition: 'active',
            manufacturerId: '4012345000054',
            manufacturerPartId: PRODUCT,
            batchId: 'LOT-1',
            nameAtManufacturer: 'Steel 钢',
            plant: '4012345000054',
            // The day where it was made, not the day in UTC.
            productionDate: '2024-03-02',
            expiryDate: '2026-01-01',
          },
          sealed: { quantity: { value: '500.5', unit: 'KGM' }, orderNumber: 'urn:order:1' },
        },
        source: mapping.source,
      },
    ]);
  });

  it('proves which parts of a batch were made in one event', () => {
    const mapping = object({
      action: 'ADD',
      bizStep: 'commissioning',
      epcList: ['1', '2', '3'].map(SERIAL_URI),
      ilmd: { 'cbvmda:lotNumber': 'LOT-1' },
    });
    expect(said(mapping)).to.deep.equal([`batch.produced ${BATCH}`]);
    const [statement] = mapping.statements;
    expect(statement?.members).to.deep.equal(['1', '2', '3'].map(SERIAL));
    const data = statement?.content.data as {
      serials: { serialsRoot: string; count: number; treeKey: string };
    };
    const { serialsRoot, count, treeKey } = data.serials;
    const tree = buildTree(
      fromBase64Url(treeKey),
      ['1', '2', '3'].map((number) => parseIdentifier(SERIAL(number))),
    );
    expect({ serialsRoot, count }).to.deep.equal({ serialsRoot: tree.root, count: 3 });
    expect(
      mapping.edges.map(({ parent, child, relation }) => `${parent} ${relation} ${child}`),
    ).to.deep.equal(['1', '2', '3'].map((number) => `${BATCH} memberOf ${SERIAL(number)}`));
  });

  it('says how a part by itself was made, with the batch that its link names', () => {
    const mapping = object(
      {
        action: 'ADD',
        bizStep: 'commissioning',
        epcList: [`https://shop.example/01/${PRODUCT}/10/LOT-1/21/7`],
      },
      'volta.example',
    );
    expect(said(mapping)).to.deep.equal([`part.produced ${SERIAL('7')}`]);
    expect(mapping.statements[0]?.content.data).to.deep.include({
      manufacturerId: 'volta.example',
      manufacturerPartId: PRODUCT,
      partInstanceId: '7',
      batch: BATCH,
    });
  });

  it('says that a batch was shipped and received, by whom and to whom', () => {
    const quantityList = [{ epcClass: BATCH_URI, quantity: 20 }];
    const shipped = object({
      bizStep: 'shipping',
      quantityList,
      sourceList: [{ type: 'possessing_party', source: 'urn:epc:id:pgln:4012345.00005' }],
      destinationList: [{ type: 'owning_party', destination: 'urn:epc:id:pgln:0614141.00777' }],
    });
    expect(shipped.statements[0]?.content).to.deep.include({
      kind: 'batch.shipped',
      data: { bizStep: 'shipping', from: '4012345000054' },
      sealed: {
        quantity: { value: '20', unit: 'C62' },
        location: 'urn:epc:id:sgln:4012345.00005.0',
        customer: '0614141007776',
      },
    });
    const received = object({ bizStep: 'accepting', disposition: 'damaged', quantityList }, 'kunlun.example');
    expect(received.statements[0]?.content.data).to.deep.equal({
      bizStep: 'receiving',
      disposition: 'damaged',
      by: 'kunlun.example',
      accepted: false,
    });
  });

  it('says that a batch must not be used, and that it may be again', () => {
    const quantityList = [{ epcClass: BATCH_URI }];
    const reasons: [object, string, string][] = [
      [{ bizStep: 'holding' }, 'batch.quarantined', 'other'],
      [{ bizStep: 'holding', disposition: 'non_conformant' }, 'batch.quarantined', 'defectFound'],
      [{ bizStep: 'stocking', persistentDisposition: { set: ['recalled'] } }, 'batch.quarantined', 'recall'],
      [{ bizStep: 'inspecting', disposition: 'conformant' }, 'batch.released', ''],
      [{ bizStep: 'stocking', persistentDisposition: { unset: ['recalled'] } }, 'batch.released', ''],
    ];
    for (const [event, kind, reason] of reasons) {
      const { statements } = object({ ...event, quantityList });
      expect(
        statements.map(({ content }) => content.kind),
        JSON.stringify(event),
      ).to.deep.equal([kind]);
      expect(statements[0]?.content.data.reason ?? '').to.equal(reason);
    }
  });

  it('says what was mounted in what, and removed', () => {
    const association = (action: string, more: object = {}) =>
      map({
        type: 'AssociationEvent',
        action,
        bizStep: action === 'ADD' ? 'installing' : 'removing',
        parentID: `urn:epc:id:giai:4012345.${VIN}`,
        childEPCs: [SERIAL_URI('1')],
        'ex:component': 'tractionBattery',
        ...more,
      });
    const mounted = association('ADD', { childQuantityList: [{ epcClass: BATCH_URI, quantity: 4 }] });
    expect(said(mounted)).to.deep.equal([`part.mounted vin:${VIN}`, `part.mounted vin:${VIN}`]);
    expect(mounted.statements.map(({ content }) => content.data)).to.deep.equal([
      { component: 'tractionBattery', part: SERIAL('1') },
      { component: 'tractionBattery', part: BATCH },
    ]);
    const removed = association('DELETE');
    expect(removed.statements[0]?.content.data).to.deep.equal({
      component: 'tractionBattery',
      part: SERIAL('1'),
      reason: 'other',
    });
    expect(removed.edges).to.deep.include({
      parent: `vin:${VIN}`,
      child: SERIAL('1'),
      relation: 'mounted',
      until: '2024-03-01T23:30:00Z',
      source: removed.source,
    });
    expect(codes(map({ type: 'AssociationEvent', action: 'DELETE', parentID: SERIAL_URI('2') }))[0]).to.equal(
      'epcis.notMapped events[0].parentID',
    );
    expect(association('OBSERVE').statements).to.deep.equal([]);
  });

  it('says what a batch, a part and a vehicle are made of', () => {
    const inputs = {
      inputEPCList: [SERIAL_URI('1')],
      inputQuantityList: [{ epcClass: BATCH_URI, quantity: 2 }],
    };
    const transformation = (event: object) =>
      map({ type: 'TransformationEvent', bizStep: 'assembling', ...place, ...inputs, ...event });
    const other = `https://id.gs1.org/01/${PRODUCT}/10/LOT-2`;
    const batch = transformation({ outputQuantityList: [{ epcClass: other }] });
    expect(batch.statements[0]?.content.data.inputs).to.deep.equal([{ batch: BATCH }]);
    const used = [{ batch: BATCH, quantity: { value: '2', unit: 'C62' } }];
    expect(batch.statements[0]?.content.sealed?.inputQuantities).to.deep.equal(used);
    expect(codes(batch)).to.include('epcis.notMapped events[0].inputEPCList[0]');

    const part = transformation({ outputEPCList: [SERIAL_URI('9')] });
    const parts = [
      { component: 'other', part: SERIAL('1') },
      { component: 'other', part: BATCH },
    ];
    expect(said(part)).to.deep.equal([`part.produced ${SERIAL('9')}`]);
    expect(part.statements[0]?.content.data.parts).to.deep.equal(parts);
    expect(part.statements[0]?.content.sealed?.inputQuantities).to.deep.equal(used);

    const several = transformation({ outputEPCList: [SERIAL_URI('8'), SERIAL_URI('9')] });
    expect(several.statements.map(({ content }) => content.data.parts)).to.deep.equal([
      parts.map((item) => ({ ...item, hasAlternatives: true })),
      parts.map((item) => ({ ...item, hasAlternatives: true })),
    ]);
    // How much went into which of them nobody said.
    expect(several.statements.map(({ content }) => content.sealed?.inputQuantities)).to.deep.equal([
      undefined,
      undefined,
    ]);
    expect(codes(several)).to.include('epcis.fieldNotMapped events[0].inputQuantityList');
    const together = transformation({
      outputEPCList: [SERIAL_URI('8'), SERIAL_URI('9')],
      ilmd: { 'cbvmda:lotNumber': 'LOT-3' },
    });
    expect(together.statements[0]?.content.sealed?.inputQuantities).to.deep.equal(used);
    expect(codes(together)).to.not.include('epcis.fieldNotMapped events[0].inputQuantityList');

    const vehicle = transformation({ outputEPCList: [SERIAL_URI('9')], 'ex:vin': ` ${VIN.toLowerCase()} ` });
    expect(said(vehicle)).to.deep.equal([`vehicle.built vin:${VIN}`]);
    expect(vehicle.statements[0]?.content.data.parts).to.deep.equal(parts);

    const half = transformation({
      outputEPCList: [],
      transformationID: 'urn:uuid:1',
      bizStep: 'commissioning',
    });
    expect(codes(half)).to.include('epcis.notMapped events[0].transformationID');
  });

  it('names things without a history, those of one list and reason once', () => {
    const mapping = object({
      bizStep: 'receiving',
      epcList: [
        'urn:epc:id:sscc:4012345.3111111111',
        'urn:epc:id:sscc:4012345.3111111112',
        'https://id.gs1.org/01/04012345111119/21/1',
        'https://example.com/thing/1',
        'urn:epc:id:sgtin:1.2.3',
      ],
    });
    expect(codes(mapping)).to.deep.equal([
      'epcis.notMapped events[0].epcList',
      'epcis.checkDigit events[0].epcList[2]',
      'epcis.notMapped events[0].epcList[3]',
      'epcis.notMapped events[0].epcList[4]',
    ]);
    expect(mapping.problems.map(({ note }) => note)).to.deep.equal([true, undefined, true, true]);
    expect(mapping.aside).to.have.keys('event');
  });

  it('refuses negative quantities, fractions of pieces, and batches that nobody states', () => {
    for (const element of [{ quantity: -1, uom: 'KGM' }, { quantity: 1.5 }, { quantity: 0.5, uom: 'EA' }]) {
      const mapping = object({ bizStep: 'receiving', quantityList: [{ epcClass: BATCH_URI, ...element }] });
      expect(codes(mapping), JSON.stringify(element)).to.include(
        'quantity.invalid events[0].quantityList[0]',
      );
      expect(mapping.problems[0]?.note).to.equal(undefined);
    }
    const nobody = map({
      type: 'ObjectEvent',
      action: 'OBSERVE',
      bizStep: 'receiving',
      quantityList: [{ epcClass: BATCH_URI }],
    });
    expect(codes(nobody)).to.deep.equal(['epcis.partyUnknown events[0].quantityList[0]']);
  });

  it('keeps aside what no entry says, by its name in full', () => {
    const mapping = object({
      bizStep: 'receiving',
      quantityList: [{ epcClass: BATCH_URI }],
      'ex:more': { 'ex:deep': [1, 'two'] },
      sensorElementList: [{ sensorReport: [{ type: 'Temperature', value: 4 }] }],
    });
    expect(mapping.statements).to.have.length(1);
    expect(mapping.aside).to.deep.equal({
      'ex:more': { 'ex:deep': [1, 'two'] },
      sensorElementList: [{ sensorReport: [{ type: 'Temperature', value: 4 }] }],
    });
    expect(mapping.problems.find(({ code }) => code === 'epcis.extension')?.detail).to.include(
      '{https://ns.example.com/}more',
    );
  });

  it('names an event of somebody else’s type, and a VIN that is none', () => {
    expect(codes(map({ type: 'https://ns.example.com/ScrapEvent' }))).to.include(
      'epcis.notMapped events[0].type',
    );
    const wrong = object({
      action: 'ADD',
      bizStep: 'commissioning',
      epcList: [SERIAL_URI('9')],
      'ex:vin': '1M8GDM9AXKP042789',
    });
    expect(codes(wrong)).to.include('vin.checkDigit events[0].vin');
    expect(wrong.statements).to.deep.equal([]);
  });

  it('counts once what is named twice, and refuses two quantities of one thing', () => {
    const twice = [SERIAL_URI('1'), `https://id.gs1.org/01/${PRODUCT}/21/1`, SERIAL_URI('2')];
    const made = object({
      action: 'ADD',
      bizStep: 'commissioning',
      epcList: twice,
      ilmd: { 'ex:lot': 'LOT-1' },
    });
    expect(made.statements[0]?.members).to.deep.equal([SERIAL('1'), SERIAL('2')]);
    expect(codes(made)).to.deep.equal(['epcis.namedTwice events[0].epcList[1]']);
    const amounts = [1, 2].map((quantity) => ({ epcClass: BATCH_URI, quantity }));
    const ambiguous = object({ bizStep: 'receiving', quantityList: amounts });
    expect(codes(ambiguous)).to.deep.equal(['epcis.ambiguous events[0].quantityList[1]']);
    expect(ambiguous.problems[0]?.note).to.equal(undefined);
  });

  it('answers any valid event', function () {
    const documents = sharedDocuments('gs1-examples');
    if (documents === null) this.skip();
    const events = documents.flatMap(({ value }) => parseDocument(value).events);
    const uris = fc.constantFrom(
      SERIAL_URI('1'),
      BATCH_URI,
      'urn:epc:id:sscc:4012345.3111111111',
      'urn:vinculum:vin:x',
      'x:y',
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...events),
        fc.constantFrom(
          'commissioning',
          'shipping',
          'receiving',
          'holding',
          'inspecting',
          'installing',
          'packing',
        ),
        uris,
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (event, bizStep, uri, quantity) => {
          const { errorDeclaration: _, ...rest } = event as Record<string, unknown>;
          const list = [{ epcClass: uri, quantity }];
          const changed = {
            ...rest,
            bizStep,
            epcList: [uri],
            childEPCs: [uri],
            quantityList: list,
            outputQuantityList: list,
          };
          const mapping = mapEvent(changed as unknown as EpcisEvent, 'events[0]', { frame });
          expect(mapping.statements.length + mapping.problems.length).to.be.greaterThan(0);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('subjectOf', () => {
  it('knows batches, parts and vehicles, and why other things are none', () => {
    const subjects: [string, string][] = [
      ['urn:epc:class:lgtin:4012345.011111.LOT-1', BATCH],
      [BATCH_URI, BATCH],
      [SERIAL_URI('9'), SERIAL('9')],
      ['urn:epc:id:itip:4012345.011111.01.02.987', `serial:id.gs1.org:8006/${PRODUCT}0102/21/987`],
      ['urn:epc:id:grai:4012345.00022.33', 'serial:id.gs1.org:8003/0401234500022133'],
      ['urn:epc:id:giai:4012345.ABC345', 'serial:id.gs1.org:8004/4012345ABC345'],
      ['urn:epc:id:cpi:0614141.ABC.1234', 'serial:id.gs1.org:8010/0614141ABC/8011/1234'],
      [`urn:epc:id:giai:4012345.${VIN}`, `vin:${VIN}`],
      [`https://example.com/8004/4012345${VIN}`, `vin:${VIN}`],
      ['urn:vinculum:batch:volta.example:VB-1', 'batch:volta.example:VB-1'],
      ['urn:epc:idpat:sgtin:4012345.066666.*', 'classOnly'],
      ['urn:epc:id:sscc:4012345.3111111111', 'logisticUnit'],
      ['urn:epc:id:sgln:4012345.00005.0', 'place'],
      ['urn:epc:id:pgln:4012345.00005', 'party'],
      ['urn:epc:id:gsrn:4012345.0000006765', 'relation'],
      ['urn:epc:id:gdti:4012345.00009.PO', 'document'],
      ['urn:epc:id:sgcn:4012345.00009.12', 'coupon'],
      ['https://id.gs1.org/01/04012345111119/21/1', 'checkDigit'],
      ['urn:epc:id:sgtin:1.2.3', 'invalid'],
      ['urn:vinculum:software:x:y', 'invalid'],
      ['urn:vinculum:batch:%', 'invalid'],
      ['https://example.com/', 'unknownScheme'],
    ];
    for (const [uri, expected] of subjects) {
      const subject = subjectOf(uri);
      expect(typeof subject === 'string' ? subject : subject.text, uri).to.equal(expected);
    }
  });

  it('finds every identifier again by the URI that an export writes', () => {
    const text = fc.stringMatching(/^[\x21-\x7e]{1,64}$/);
    fc.assert(
      fc.property(
        fc.constantFrom('batch', 'serial'),
        fc.constantFrom('volta.example', 'id.gs1.org', '4012345000054'),
        text,
        (type, scope, value) => {
          const identifier = `${type}:${scope}:${value}`;
          const subject = subjectOf(uriOf(identifier));
          expect(typeof subject === 'string' ? subject : subject.text).to.equal(identifier);
        },
      ),
    );
    for (const identifier of [
      BATCH,
      SERIAL('a/b%c'),
      `vin:${VIN}`,
      'registration:FR:AB123CD',
      'serial:id.gs1.org:8010/0614141A/8011/1',
    ]) {
      const subject = subjectOf(uriOf(identifier));
      expect(typeof subject === 'string' ? subject : subject.text).to.equal(identifier);
    }
  });
});

describe('correct', () => {
  const declaration = {
    reason: 'incorrect_data',
    declaredAt: '2024-04-01T00:00:00Z',
    corrections: ['urn:uuid:2'],
  } as const;
  const source = { system: 'epcis', id: 'urn:uuid:1' } as const;
  const original = (kind: string, identifier = BATCH) => ({
    identifier,
    kind,
    kindVersion: 1,
    digest: `0x${'1f'.repeat(32)}`,
  });
  const correction = object({
    bizStep: 'receiving',
    eventID: 'urn:uuid:2',
    quantityList: [{ epcClass: BATCH_URI, quantity: 7 }],
  });

  it('corrects where a correction says the same of the same, and retracts otherwise', () => {
    const { statements, further } = correct(
      declaration,
      source,
      [original('batch.received'), original('batch.shipped')],
      correction.statements,
    );
    expect(further).to.deep.equal([]);
    const [corrected, retracted] = statements;
    expect(corrected?.content.data).to.deep.include({
      supersedes: `0x${'1f'.repeat(32)}`,
      kind: 'batch.received',
      data: correction.statements[0]?.content.data,
    });
    expect(corrected?.content.sealed).to.deep.include({ quantity: { value: '7', unit: 'C62' } });
    expect(corrected?.source.id).to.equal('urn:uuid:2');
    expect(retracted?.content.data).to.deep.include({ kind: 'batch.shipped', retracted: true });
    for (const { content } of statements)
      expect(() => validateData('amended', 1, content.data)).not.to.throw();
  });

  it('leaves the rest of a correction to stand by itself', () => {
    const { statements, further } = correct(
      declaration,
      source,
      [original('batch.received', 'batch:a:b')],
      correction.statements,
    );
    expect(statements[0]?.content.data.retracted).to.equal(true);
    expect(further).to.deep.equal(correction.statements);
  });
});
