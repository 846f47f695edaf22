//! Values as messages.

use contract::wire;
use proto::lyceum::{payments::v1 as pb, values::v1::Money as MoneyPb};
use values::Money;

use crate::{
    domain::{
        Attempt, Entitlement, Failure, Grant, Order, Price, PromoCode, Refund, attempt, entitlement, order,
        product::Offer, promo::Discount, refund,
    },
    flows::quote_price::Quoted,
    provider::Reply,
    store::export::{ExportedOrder, ExportedRefund},
};

fn money(amount: Money) -> MoneyPb {
    MoneyPb { minor: amount.minor(), currency: amount.currency().as_str().to_owned() }
}

pub(super) fn product(Offer { product, prices }: Offer) -> pb::Product {
    pb::Product {
        product_id: product.id.to_string(),
        etag: product.version.to_string(),
        title: product.title.into_string(),
        description: product.description.into_string(),
        grants: product.grants.into_iter().map(grant).collect(),
        prices: prices.iter().map(price).collect(),
        state: wire::<pb::product::State>(product.state),
        created_at: Some(product.created_at.into()),
        updated_at: Some(product.updated_at.into()),
    }
}

pub(super) fn quote(quoted: Quoted) -> pb::Quote {
    let amounts = quoted.quote.amounts;
    pb::Quote {
        product_id: quoted.product.id.to_string(),
        price: Some(money(amounts.price)),
        discount: Some(money(amounts.discount)),
        total: Some(money(amounts.total)),
        promo_code: quoted.promo.map(|promo| promo.code.as_str().to_owned()),
    }
}

fn grant(grant: Grant) -> pb::Grant {
    pb::Grant {
        run_id: grant.run.to_string(),
        course_id: grant.course.to_string(),
        title: grant.title,
        access_duration: grant.access.map(|access| access.get().into()),
    }
}

pub(super) fn price(price: &Price) -> pb::Price {
    pb::Price {
        price_id: price.id.to_string(),
        product_id: price.product.to_string(),
        amount: Some(money(price.amount)),
        starts_at: Some(price.starts_at.into()),
        ends_at: price.ends_at.map(Into::into),
        created_at: Some(price.created_at.into()),
    }
}

pub(super) fn promo_code(promo: PromoCode) -> pb::PromoCode {
    let discount = match promo.discount {
        Discount::Percent(points) => {
            pb::promo_code::Discount::PercentBasisPoints(i32::try_from(points.get()).unwrap_or_default())
        }
        Discount::Amount(amount) => pb::promo_code::Discount::Amount(money(amount)),
    };
    pb::PromoCode {
        promo_code_id: promo.id.to_string(),
        code: promo.code.as_str().to_owned(),
        discount: Some(discount),
        starts_at: Some(promo.starts_at.into()),
        ends_at: promo.ends_at.map(Into::into),
        max_uses: promo.max_uses.get(),
        max_uses_per_buyer: promo.max_uses_per_buyer.get(),
        product_ids: promo.products.iter().map(ToString::to_string).collect(),
        state: wire::<pb::promo_code::State>(promo.state),
        uses: promo.uses,
        etag: promo.version.to_string(),
        created_at: Some(promo.created_at.into()),
    }
}

pub(super) fn order(order: Order) -> pb::Order {
    pb::Order {
        order_id: order.id.to_string(),
        number: order.number.as_str().to_owned(),
        buyer_id: order.buyer.to_string(),
        state: wire::<pb::order::State>(order.state),
        items: order.items.into_iter().map(item).collect(),
        price: Some(money(order.amounts.price)),
        discount: Some(money(order.amounts.discount)),
        total: Some(money(order.amounts.total)),
        promo_code: order.promo.map(|promo| promo.code),
        created_at: Some(order.created_at.into()),
        expires_at: Some(order.expires_at.into()),
        paid_at: order.paid_at.map(Into::into),
        ended_at: order.ended_at.map(Into::into),
    }
}

fn item(item: order::Item) -> pb::OrderItem {
    pb::OrderItem {
        product_id: item.product.to_string(),
        title: item.title,
        price: Some(money(item.amounts.price)),
        discount: Some(money(item.amounts.discount)),
        total: Some(money(item.amounts.total)),
        grants: item.grants.into_iter().map(grant).collect(),
    }
}

fn name(failure: Failure) -> String {
    failure.as_str().to_owned()
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
    pb::Payment {
        payment_id: attempt.id.to_string(),
        order_id: attempt.order.to_string(),
        state: state.into(),
        provider: wire::<pb::payment::Provider>(attempt.provider),
        method: wire::<pb::payment::Method>(attempt.method),
        amount: Some(money(attempt.amount)),
        confirmation_url: attempt.page.filter(|_| attempt.state.is_open()),
        failure_reason: failure.map(name),
        created_at: Some(attempt.created_at.into()),
        updated_at: Some(attempt.updated_at.into()),
    }
}

pub(super) fn refund(refund: Refund) -> pb::Refund {
    let state = match refund.state {
        refund::State::Pending => pb::refund::State::Pending,
        refund::State::Unknown => pb::refund::State::Unknown,
        refund::State::Succeeded => pb::refund::State::Succeeded,
        refund::State::Failed(_) => pb::refund::State::Failed,
    };
    pb::Refund {
        refund_id: refund.id.to_string(),
        order_id: refund.order.to_string(),
        payment_id: refund.attempt.map(|attempt| attempt.to_string()),
        amount: Some(money(refund.amount)),
        failure_reason: refund.state.failure().map(name),
        reason: refund.reason,
        cause: wire::<pb::refund::Cause>(refund.cause),
        state: state.into(),
        created_at: Some(refund.created_at.into()),
        updated_at: Some(refund.updated_at.into()),
    }
}

pub(super) fn entitlement(entitlement: Entitlement) -> pb::Entitlement {
    let (state, revoked) = match entitlement.state {
        entitlement::State::Active => (pb::entitlement::State::Active, None),
        entitlement::State::Revoked { at, reason } => (pb::entitlement::State::Revoked, Some((at, reason))),
    };
    let (revoked_at, revoked_reason) = revoked.unzip();
    pb::Entitlement {
        entitlement_id: entitlement.id.to_string(),
        order_id: entitlement.order.to_string(),
        learner_id: entitlement.learner.to_string(),
        run_id: entitlement.run.to_string(),
        course_id: entitlement.course.to_string(),
        title: entitlement.title,
        state: state.into(),
        starts_at: Some(entitlement.starts_at.into()),
        ends_at: entitlement.ends_at.map(Into::into),
        revoked_at: revoked_at.map(Into::into),
        revoked_reason,
    }
}

pub(super) fn exported_entitlement(granted: Entitlement) -> pb::ExportEntitlementsResponse {
    let version = granted.version;
    pb::ExportEntitlementsResponse { entitlement: Some(entitlement(granted)), version }
}

pub(super) fn reply(reply: Reply) -> pb::ReceiveWebhookResponse {
    pb::ReceiveWebhookResponse {
        status: i32::from(reply.status),
        content_type: reply.content_type.to_owned(),
        body: reply.body.to_vec(),
    }
}

pub(super) fn exported_order(order: ExportedOrder) -> pb::ExportedOrder {
    pb::ExportedOrder {
        order_id: order.id.to_string(),
        number: order.number,
        buyer_id: order.buyer.to_string(),
        total: Some(money(order.total)),
        placed_at: Some(order.placed_at.into()),
        paid_at: order.paid_at.map(Into::into),
        refunds: order.refunds.into_iter().map(exported_refund).collect(),
        version: order.version,
    }
}

fn exported_refund(refund: ExportedRefund) -> pb::ExportedRefund {
    pb::ExportedRefund {
        refund_id: refund.id.to_string(),
        amount: Some(money(refund.amount)),
        refunded_at: Some(refund.refunded_at.into()),
    }
}
