//! Values as messages.

use contract::{given, message, show};
use proto::lyceum::payments::v1::{self as pb, promo_code::Discount as ShownDiscount};

use crate::{
    domain::{
        Attempt, Entitlement, Grant, Order, Price, PromoCode, Refund, attempt, entitlement, order, product, promo,
        refund,
    },
    flows::quote_price::Quoted,
    provider::Reply,
    store::export::{ExportedOrder, ExportedRefund},
};

contract::twins! {
    attempt::Method => pb::payment::Method, attempt::Provider => pb::payment::Provider,
    order::State => pb::order::State, product::State => pb::product::State, promo::State => pb::promo_code::State,
    refund::Cause => pb::refund::Cause,
}

contract::show! {
    offer: product::Offer => pb::Product {
        product_id: offer.product.id, etag: offer.product.version, title: offer.product.title,
        description: offer.product.description, grants: offer.product.grants, prices: offer.prices,
        state: offer.product.state, created_at: offer.product.created_at, updated_at: offer.product.updated_at,
    }
    grant: Grant => pb::Grant {
        run_id: grant.run, course_id: grant.course, title: grant.title,
        access_duration: grant.access.map(|access| access.get()),
    }
    price: Price => pb::Price {
        price_id: price.id, product_id: price.product, amount: price.amount,
        starts_at: price.starts_at, ends_at: price.ends_at, created_at: price.created_at,
    }
    quoted: Quoted => pb::Quote {
        product_id: quoted.product.id, price: quoted.quote.amounts.price, discount: quoted.quote.amounts.discount,
        total: quoted.quote.amounts.total, promo_code: quoted.promo.as_ref().map(|promo| promo.code.as_str()),
    }
    promo: PromoCode => pb::PromoCode {
        promo_code_id: promo.id, etag: promo.version, code: promo.code.as_str(), state: promo.state,
        discount = Some(discount(promo.discount)), product_ids: promo.products,
        max_uses: promo.max_uses.get(), max_uses_per_buyer: promo.max_uses_per_buyer.get(), uses: promo.uses,
        starts_at: promo.starts_at, ends_at: promo.ends_at, created_at: promo.created_at,
    }
    order: Order => pb::Order {
        order_id: order.id, number: order.number.as_str(), buyer_id: order.buyer, state: order.state,
        items: order.items, promo_code: order.promo.map(|promo| promo.code),
        price: order.amounts.price, discount: order.amounts.discount, total: order.amounts.total,
        created_at: order.created_at, expires_at: order.expires_at, paid_at: order.paid_at, ended_at: order.ended_at,
    }
    item: order::Item => pb::OrderItem {
        product_id: item.product, title: item.title, grants: item.grants,
        price: item.amounts.price, discount: item.amounts.discount, total: item.amounts.total,
    }
    granted: Entitlement => pb::ExportEntitlementsResponse {
        version: granted.version, entitlement = Some(entitlement(granted)),
    }
    reply: Reply => pb::ReceiveWebhookResponse {
        status: reply.status, content_type: reply.content_type, body = reply.body.to_vec(),
    }
    order: ExportedOrder => pb::ExportedOrder {
        order_id: order.id, number: order.number, buyer_id: order.buyer, total: order.total, placed_at: order.placed_at,
        paid_at: order.paid_at, refunds: order.refunds, version: order.version,
    }
    refund: ExportedRefund => pb::ExportedRefund {
        refund_id: refund.id, amount: refund.amount, refunded_at: refund.refunded_at,
    }
}

fn discount(discount: promo::Discount) -> ShownDiscount {
    match discount {
        promo::Discount::Percent(points) => ShownDiscount::PercentBasisPoints(show(points.get())),
        promo::Discount::Amount(amount) => ShownDiscount::Amount(show(amount)),
    }
}

pub(super) fn payment(attempt: Attempt) -> pb::Payment {
    let (state, failure) = match attempt.state {
        attempt::State::Created | attempt::State::Pending => (pb::payment::State::Pending, None),
        attempt::State::Unknown => (pb::payment::State::Unknown, None),
        attempt::State::Failed(failure) => (pb::payment::State::Failed, Some(failure)),
        // That the money goes back shows in the refunds.
        attempt::State::Succeeded | attempt::State::Overpaid => (pb::payment::State::Succeeded, None),
        attempt::State::Mismatched(_) => (pb::payment::State::Mismatched, None),
        attempt::State::Refunded => (pb::payment::State::Refunded, None),
    };
    message! { pb::Payment {
        payment_id: attempt.id, order_id: attempt.order, state = state.into(), provider: attempt.provider,
        method: attempt.method, amount: attempt.amount, failure_reason: failure,
        confirmation_url: attempt.page.filter(|_| attempt.state.is_open()),
        created_at: attempt.created_at, updated_at: attempt.updated_at,
    } }
}

pub(super) fn refund(refund: Refund) -> pb::Refund {
    let state = match refund.state {
        refund::State::Pending => pb::refund::State::Pending,
        refund::State::Unknown => pb::refund::State::Unknown,
        refund::State::Succeeded => pb::refund::State::Succeeded,
        refund::State::Failed(_) => pb::refund::State::Failed,
    };
    message! { pb::Refund {
        refund_id: refund.id, order_id: refund.order, payment_id: refund.attempt, amount: refund.amount,
        failure_reason: refund.state.failure(), reason: given(refund.reason), cause: refund.cause,
        state = state.into(), created_at: refund.created_at, updated_at: refund.updated_at,
    } }
}

pub(super) fn entitlement(entitlement: Entitlement) -> pb::Entitlement {
    let (state, revoked) = match entitlement.state {
        entitlement::State::Active => (pb::entitlement::State::Active, None),
        entitlement::State::Revoked { at, reason } => (pb::entitlement::State::Revoked, Some((at, reason))),
    };
    let (revoked_at, revoked_reason) = revoked.unzip();
    message! { pb::Entitlement {
        entitlement_id: entitlement.id, order_id: entitlement.order, learner_id: entitlement.learner,
        run_id: entitlement.run, course_id: entitlement.course, title: entitlement.title, state = state.into(),
        starts_at: entitlement.starts_at, ends_at: entitlement.ends_at, revoked_at: revoked_at,
        revoked_reason = revoked_reason,
    } }
}
