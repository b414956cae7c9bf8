import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { alertStates } from '../../../core/alerts/alert.ts';
import { readNotification, writeNotification } from '../../../core/catenax/notifications.ts';
import { isVinculumError } from '../../../core/errors.ts';
import { alertClassifications, alertSeverities } from '../../../core/kinds/alert.ts';
import { expectRefusal } from '../../refusal.ts';
import { sharedFile } from '../../shared.ts';

const given = {
  header: {
    notificationId: 'cda2d956-fa91-4a75-bb4a-8e5ba39b268a',
    senderBPN: 'BPNL00000003AXS3',
    senderAddress: 'https://example.com',
    recipientBPN: 'BPNL00000003CML1',
    classification: 'QM-Alert',
    severity: 'LIFE-THREATENING',
    relatedNotificationId: '',
    status: 'SENT',
    targetDate: '2099-03-11T22:44:06.333826952Z',
  },
  content: { information: 'Cracks', listOfAffectedItems: ['urn:uuid:d387fa8e-603c-42bd-98c3-4d87fef8d2bb'] },
};
const without = (header: object, content: object = {}) => ({
  header: { ...given.header, ...header },
  content: { ...given.content, ...content },
});

describe('notifications of Catena-X', () => {
  it('are read into the words of alerts', () => {
    expect(readNotification(given)).to.deep.equal({
      notificationId: given.header.notificationId,
      sender: 'BPNL00000003AXS3',
      recipient: 'BPNL00000003CML1',
      classification: 'alert',
      severity: 'lifeThreatening',
      description: 'Cracks',
      due: '2099-03-11T22:44:06Z',
      related: null,
      items: given.content.listOfAffectedItems,
    });
  });

  for (const name of [
    'edc_alert_okay.json',
    'edc_notification_okay.json',
    'edc_notification_wrong_bpn.json',
  ]) {
    it(`${name}: ${name.includes('wrong') ? 'refused with the reason' : 'read'}`, function () {
      const file = sharedFile(`catena-x/${name}`);
      if (file === null) return void this.skip();
      const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
      if (name.includes('wrong')) expectRefusal(() => readNotification(value), 'notification.partner');
      else expect(readNotification(value).severity).to.equal('critical');
    });
  }

  it('that are malformed are refused, each fault with its path', () => {
    for (const [value, code] of [
      [null, 'notification.malformed'],
      [{}, 'notification.malformed'],
      [without({ senderBPN: 'NOT_OK' }), 'notification.partner'],
      [without({ recipientBPN: 'BPNL0000000' }), 'notification.partner'],
      [without({ notificationId: 'x' }), 'notification.id'],
      [without({ classification: 'toString' }), 'notification.classification'],
      [without({ severity: '__proto__' }), 'notification.severity'],
      [without({ targetDate: 'soon' }), 'notification.targetDate'],
      [without({}, { listOfAffectedItems: ['d387fa8e'] }), 'notification.item'],
      [without({}, { listOfAffectedItems: [1] }), 'notification.malformed'],
    ] as const) {
      expectRefusal(() => readNotification(value), code);
    }
    try {
      readNotification(without({ senderBPN: 'NOT_OK' }));
    } catch (error) {
      expect(isVinculumError(error) && error.details.path).to.equal('header.senderBPN');
    }
  });

  it('read back as they were written, whatever the alert', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.constantFrom(...alertClassifications),
        fc.constantFrom(...alertSeverities),
        fc.constantFrom(...alertStates),
        fc.option(fc.integer({ min: 0, max: 4_102_444_800 })),
        (bytes, classification, severity, state, due) => {
          const reference = `0x${Buffer.from(bytes).toString('hex')}`;
          const written = writeNotification({
            ...{ reference, classification, severity, state, due, description: 'Text' },
            sender: 'BPNL00000003AXS3',
            senderAddress: 'https://example.com',
            recipient: 'BPNL00000003CML1',
            items: ['batch:a.example:1', 'serial:a.example:2'],
          });
          const read = readNotification(JSON.parse(JSON.stringify(written)));
          expect(read).to.include({ classification, severity, description: 'Text' });
          expect(read.due === null ? null : Date.parse(read.due) / 1000).to.equal(due);
          expect(read.items).to.have.length(2);
        },
      ),
      { numRuns: 60 },
    );
    const source = {
      ...({ reference: `0x${'00'.repeat(16)}`, classification: 'alert', severity: 'minor' } as const),
      ...({ state: 'raised', due: null, description: '', items: [], senderAddress: '' } as const),
    };
    expectRefusal(
      () => writeNotification({ ...source, sender: 'x.example', recipient: 'BPNL00000003CML1' }),
      'notification.partner',
    );
  });
});
