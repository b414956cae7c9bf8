import { expect } from 'chai';
import {
  type AlertParty,
  type AlertState,
  alertStates,
  alertStatuses,
  alertTransitions,
  applyAlertAnswer,
  countTiers,
  isWaiting,
} from '../../../core/alerts/alert.ts';
import { alertAnswered } from '../../../core/kinds/alert.ts';
import { expectRefusal } from '../../refusal.ts';

const alert = (state: AlertState, forwards: readonly string[] = []) => ({ state, forwards });
const parties: readonly AlertParty[] = ['recipient', 'raiser'];

describe('alerts', () => {
  it('take exactly the answers of the table: every status by everybody in every state', () => {
    for (const status of alertStatuses) {
      const transition = alertTransitions[status];
      const answer = { status, reason: 'x', forwards: transition.needs === 'forwards' ? ['0x01'] : [] };
      for (const state of alertStates) {
        for (const by of parties) {
          const act = () => applyAlertAnswer(alert(state), answer, by);
          if (by !== transition.by) {
            expectRefusal(act, by === 'raiser' ? 'alert.notRecipient' : 'alert.notRaiser');
          } else if (!transition.from.includes(state)) expectRefusal(act, 'alert.wrongState');
          else {
            expect(act()).to.deep.equal({
              state: transition.to === 'asBefore' ? state : transition.to,
              forwards: answer.forwards,
            });
          }
        }
      }
    }
  });

  it('demand a reason to decline, and what passes on to be named, once', () => {
    const raised = alert('raised');
    expectRefusal(() => applyAlertAnswer(raised, { status: 'declined' }, 'recipient'), 'alert.reasonMissing');
    const held = alert('acknowledged', ['0x01']);
    expectRefusal(
      () => applyAlertAnswer(held, { status: 'forwarded' }, 'recipient'),
      'alert.forwardsMissing',
    );
    for (const forwards of [['0x01'], ['0x02', '0x02']]) {
      expectRefusal(
        () => applyAlertAnswer(held, { status: 'forwarded', forwards }, 'recipient'),
        'alert.forwardedTwice',
      );
    }
    expectRefusal(
      () => applyAlertAnswer(held, { status: 'accepted', forwards: ['0x03'] }, 'recipient'),
      'alert.unusedForwards',
    );
    const passed = applyAlertAnswer(held, { status: 'forwarded', forwards: ['0x02'] }, 'recipient');
    expect(passed).to.deep.equal(alert('acknowledged', ['0x01', '0x02']));
  });

  it('end when they are closed, and wait until somebody accepts or declines', () => {
    expect(alertStates.filter((state) => isWaiting({ state }))).to.deep.equal(['raised', 'acknowledged']);
    expect(Object.values(alertTransitions).some(({ from }) => from.includes('closed'))).to.equal(false);
    expect(alertAnswered.public.shape.status.options).to.deep.equal([...alertStatuses]);
  });

  it('count the tiers of a tree', () => {
    const leaf = { reference: '0x02', state: 'accepted', forwards: [] } as const;
    const tree = {
      reference: '0x01',
      state: 'acknowledged',
      forwards: [leaf, { ...leaf, state: null }],
    } as const;
    expect(countTiers([tree])).to.include({ acknowledged: 1, accepted: 1, unknown: 1, raised: 0 });
  });
});
