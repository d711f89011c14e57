//! How many requests each client may send: a bucket of tokens for each, filled at a steady rate.

use server::Refusal;
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts the requests of each client. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct RateLimit {
    per_second: NonZeroU32,
    buckets: Arc<Mutex<Buckets>>,
}

/// Clients that are counted one by one. 4096: a bucket is under 100 bytes, and whoever serves more
/// clients within one second at their limits has a gateway that counts. Others share one bucket.
const CLIENTS_MAX: usize = 4096;

/// How long a bucket takes to be full again: a client may send the requests of one second at once.
const FULL_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Buckets {
    each: HashMap<Client, Bucket>,
    /// Of clients for which there is no room.
    others: Bucket,
    swept: Instant,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Whoever has this key.
    Key(Arc<str>),
    /// Whoever comes from here.
    Address(IpAddr),
}

/// When the bucket would be full: one request moves the time on by its share of a second.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at: Instant,
}

impl RateLimit {
    /// As many requests each second from each client, and as many at once.
    pub fn new(per_second: NonZeroU32) -> RateLimit {
        let now = Instant::now();
        let buckets = Buckets { each: HashMap::new(), others: Bucket { full_at: now }, swept: now };
        RateLimit { per_second, buckets: Arc::new(Mutex::new(buckets)) }
    }

    /// Counts one request.
    pub(crate) fn count(&self, client: Client) -> Result<(), Refusal> {
        self.count_at(client, Instant::now())
    }

    fn count_at(&self, client: Client, now: Instant) -> Result<(), Refusal> {
        // Nothing that can panic runs under the lock.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = &mut buckets.of(client, now).full_at;
        let next = (*full_at).max(now) + FULL_AFTER / self.per_second.get();
        if next > now + FULL_AFTER {
            return Err(Refusal::RateLimited { per_second: self.per_second.get() });
        }
        *full_at = next;
        Ok(())
    }
}

impl Buckets {
    fn of(&mut self, client: Client, now: Instant) -> &mut Bucket {
        // A full bucket says no more than none. All are full again after a second, so looking
        // for them more often would find little for much work.
        if self.each.len() >= CLIENTS_MAX && now >= self.swept + FULL_AFTER {
            self.each.retain(|_, bucket| bucket.full_at > now);
            self.swept = now;
        }
        let has_room = self.each.len() < CLIENTS_MAX || self.each.contains_key(&client);
        match has_room {
            true => self.each.entry(client).or_insert(Bucket { full_at: now }),
            false => &mut self.others,
        }
    }
}

impl Client {
    /// One subscriber of the sixth version of the Internet Protocol has all addresses that begin
    /// with the same 64 bits.
    pub(crate) fn of(address: IpAddr) -> Client {
        Client::Address(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
            address => address,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(per_second: u32) -> RateLimit {
        RateLimit::new(NonZeroU32::new(per_second).unwrap())
    }

    fn client(number: u32) -> Client {
        Client::of(IpAddr::V4(number.into()))
    }

    #[test]
    fn a_second_s_requests_may_come_at_once_and_then_one_by_one() {
        let (limit, start) = (limit(4), Instant::now());
        let at = |ms: u64| limit.count_at(client(1), start + Duration::from_millis(ms)).is_ok();
        assert_eq!([at(0), at(0), at(0), at(0), at(0)], [true, true, true, true, false]);
        assert_eq!([at(249), at(250), at(250)], [false, true, false]);
        assert_eq!(
            [at(5000), at(5000), at(5000), at(5000), at(5000)],
            [true, true, true, true, false]
        );
    }

    #[test]
    fn clients_are_counted_apart() {
        let (limit, now) = (limit(1), Instant::now());
        let same =
            |a: &str, b: &str| Client::of(a.parse().unwrap()) == Client::of(b.parse().unwrap());
        assert!(limit.count_at(client(1), now).is_ok());
        assert!(limit.count_at(Client::Key("a".into()), now).is_ok());
        let refusal = limit.count_at(Client::Key("a".into()), now).unwrap_err();
        assert_eq!(refusal.row().retry_after_s, Some(1));
        assert!(same("2001:db8::1", "2001:db8::ffff:1:2:3"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }

    #[test]
    fn the_table_is_bounded_and_the_clients_beyond_it_share() {
        let (limit, start) = (limit(1), Instant::now());
        let clients = CLIENTS_MAX as u32;
        for number in 0..clients {
            assert!(limit.count_at(client(number), start).is_ok());
        }
        assert!(limit.count_at(client(clients), start).is_ok());
        assert!(limit.count_at(client(clients + 1), start).is_err());
        assert!(limit.count_at(client(0), start).is_err());
        let later = start + Duration::from_millis(1001);
        assert!(limit.count_at(client(clients), later).is_ok());
        assert!(limit.count_at(client(clients + 1), later).is_ok());
        assert_eq!(limit.buckets.lock().unwrap().each.len(), 2);
    }
}
