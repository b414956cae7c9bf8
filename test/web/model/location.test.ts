import { expect } from 'chai';
import {
  endpointFault,
  placeAddress,
  readBase,
  readMember,
  readPlace,
  reportAddress,
  shareAddress,
  takeToken,
} from '../../../web/model/location.ts';

const VIN = '1M8GDM9AXKP042788';

describe('readPlace', () => {
  it('reads a link’s query and the page’s own fragment, which comes first', () => {
    expect(readPlace(`https://x.example/?id=${VIN}&lang=zh`)).to.deep.equal({
      desk: null,
      id: VIN,
      api: null,
      language: 'zh',
    });
    expect(readPlace(`https://x.example/?id=A#id=${VIN}`).id).to.equal(VIN);
    expect(readPlace('https://x.example/?id=%20').id).to.equal(null);
    expect(readPlace('https://x.example/#main').id).to.equal(null);
    expect(readPlace('https://x.example/?api=https://y.example').api).to.equal('https://y.example');
  });
});

describe('the pages of owner and registrar', () => {
  it('have addresses of their own behind the #, with the vehicle', () => {
    const address = placeAddress('https://x.example/p/?lang=zh', VIN, 'owner');
    expect(address).to.equal(`https://x.example/p/?lang=zh#/owner?id=${VIN}`);
    expect(readPlace(address)).to.deep.equal({ desk: 'owner', id: VIN, api: null, language: 'zh' });
    expect(placeAddress(address, null, 'owner')).to.equal('https://x.example/p/?lang=zh#/owner');
    expect(placeAddress(address, VIN)).to.equal(`https://x.example/p/?lang=zh#id=${VIN}`);
    expect(readPlace('https://x.example/#/registrar').desk).to.equal('registrar');
    expect(readPlace('https://x.example/#/nobody').desk).to.equal(null);
  });
});

describe('the page that checks parts', () => {
  it('takes the code that a print carries in its fragment, as it is', () => {
    const { desk, id } = readPlace('https://x.example/#check=VN1.eyJh_-.c2ln');
    expect([desk, id]).to.deep.equal(['check', 'VN1.eyJh_-.c2ln']);
    expect(readPlace('https://x.example/#check=serial%3Aa.example%3A7').id).to.equal('serial:a.example:7');
    expect(readPlace('https://x.example/#check=%').id).to.equal('%');
    expect(readPlace('https://x.example/#/check?id=serial:a.example:7').id).to.equal('serial:a.example:7');
  });
});

describe('takeToken', () => {
  const token = 'q'.repeat(43);

  it('takes the token out of the address, and leaves the rest', () => {
    const link = shareAddress(`https://x.example/p/?lang=zh#/owner?id=${VIN}`, token);
    expect(link).to.equal(`https://x.example/p/?lang=zh#share=${token}`);
    expect(takeToken(link)).to.deep.equal({ of: 'share', token, address: 'https://x.example/p/?lang=zh' });
    expect(takeToken(`https://x.example/#share=${token}&api=https://y.example`)?.address).to.equal(
      'https://x.example/#api=https:%2F%2Fy.example',
    );
  });

  it('takes the token of an alert’s link likewise', () => {
    expect(takeToken(`https://x.example/p/?lang=zh#alert=${token}`)).to.deep.equal({
      of: 'alert',
      token,
      address: 'https://x.example/p/?lang=zh',
    });
  });

  it('finds none where there is none', () => {
    expect(takeToken(`https://x.example/#id=${VIN}`)).to.equal(null);
    expect(takeToken('https://x.example/?share=a')).to.equal(null);
  });
});

describe('placeAddress', () => {
  it('puts an identifier where no host is sent it, and keeps the rest', () => {
    const address = placeAddress(`https://x.example/p/?id=A&lang=zh`, VIN);
    expect(address).to.equal(`https://x.example/p/?lang=zh#id=${VIN}`);
    expect(placeAddress(address, null)).to.equal('https://x.example/p/?lang=zh');
    expect(readPlace(placeAddress('https://x.example/', 'batch:a.example:B&1')).id).to.equal(
      'batch:a.example:B&1',
    );
  });
});

describe('reportAddress', () => {
  it('names the route of each type of identifier', () => {
    expect(reportAddress('https://x', `vin:${VIN}`)).to.equal(`https://x/v1/vehicles/${VIN}/report`);
    expect(reportAddress('', 'registration:FR:AB1')).to.equal('/v1/vehicles/registration%3AFR%3AAB1/report');
    expect(reportAddress('', 'batch:m.example:a/b')).to.equal('/v1/batches/m.example/a%2Fb/report');
    expect(reportAddress('', 'serial:m.example:1:2')).to.equal('/v1/serials/m.example/1%3A2/report');
    expect(reportAddress('', 'software:m.example:1')).to.equal('/v1/software/m.example/1/report');
  });

  it('asks for the place of a serial in a batch, and in nothing else', () => {
    expect(reportAddress('', 'batch:m.example:1', 'S/1')).to.equal(
      '/v1/batches/m.example/1/report?serial=S%2F1',
    );
    expect(reportAddress('', `vin:${VIN}`, 'S/1')).to.equal(`/v1/vehicles/${VIN}/report`);
    expect(readMember('https://x/#id=batch:m.example:1&serial=S-1')).to.equal('S-1');
    expect(readMember('https://x/?id=batch:m.example:1&serial=S-1')).to.equal('S-1');
    expect(readMember('https://x/#id=batch:m.example:1')).to.equal(null);
    expect(placeAddress('https://x/#id=batch:m.example:1&serial=S-1', 'batch:m.example:2')).to.equal(
      'https://x/#id=batch:m.example:2',
    );
  });
});

describe('readBase', () => {
  it('takes web addresses only', () => {
    expect(readBase('https://x.example/sub/')).to.equal('https://x.example/sub');
    for (const text of ['javascript:alert(1)', 'ftp://x', 'x.example', 'https://user:word@x.example']) {
      expect(readBase(text), text).to.equal(null);
    }
  });
});

describe('endpointFault', () => {
  it('says what a browser would refuse', () => {
    expect(endpointFault('https://rpc.example', 'https:')).to.equal(null);
    expect(endpointFault('http://rpc.example', 'https:')).to.equal('insecure');
    expect(endpointFault('http://127.0.0.1:8545', 'https:')).to.equal(null);
    expect(endpointFault('http://rpc.example', 'http:')).to.equal(null);
    expect(endpointFault('ws://rpc.example', 'http:')).to.equal('address');
    expect(endpointFault('rpc', 'http:')).to.equal('address');
  });
});
