//! Promo codes as the wire writes them.

use proto::lyceum::payments::v1::{
    self as pb, CreatePromoCodeRequest, UpdatePromoCodeRequest, promo_code::Discount as DiscountPb,
};
use rpc::{Fields, Invalid};

use super::read;
use crate::{
    domain::promo::{BasisPoints, Code, Discount, Limit, State},
    flows::issue_promo_code::{EditPromoCode, IssuePromoCode},
};

/// Everything of a promo code that may be changed.
const CHANGEABLE: [&str; 6] = ["starts_at", "ends_at", "max_uses", "max_uses_per_buyer", "product_ids", "state"];

pub(super) fn issue(request: CreatePromoCodeRequest) -> Result<IssuePromoCode, Invalid> {
    let mut fields = Fields::new();
    let promo = fields.required("promo_code", request.promo_code).unwrap_or_default();
    let state = Some(state(promo.state()));
    let code = fields.take("promo_code.code", Code::parse(&promo.code));
    let discount = discount(&mut fields, promo.discount);
    let starts_at = fields.take_if("promo_code.starts_at", promo.starts_at.map(read::instant));
    let ends_at = fields.take_if("promo_code.ends_at", promo.ends_at.map(read::instant));
    let max_uses = fields.take("promo_code.max_uses", Limit::parse(promo.max_uses));
    let max_uses_per_buyer = fields.take("promo_code.max_uses_per_buyer", Limit::parse(promo.max_uses_per_buyer));
    let products = read::ids(&mut fields, "promo_code.product_ids", &promo.product_ids);
    let taken = (code, discount, starts_at, ends_at, max_uses, max_uses_per_buyer, products, state);
    let (code, discount, starts_at, ends_at, max_uses, max_uses_per_buyer, products, state) = fields.finish(taken)?;
    Ok(IssuePromoCode { code, discount, starts_at, ends_at, max_uses, max_uses_per_buyer, products, state })
}

pub(super) fn edit(request: UpdatePromoCodeRequest) -> Result<EditPromoCode, Invalid> {
    let paths = read::mask(request.update_mask, &CHANGEABLE)?;
    let wants = |path: &str| paths.iter().any(|wanted| wanted == path);
    let mut fields = Fields::new();
    let id = fields.take("promo_code_id", request.promo_code_id.parse());
    let promo = fields.required("promo_code", request.promo_code).unwrap_or_default();
    let state = wants("state").then(|| state(promo.state()));
    let starts_at = fields.take_if("promo_code.starts_at", promo.starts_at.map(read::instant));
    let ends_at = fields.take_if("promo_code.ends_at", promo.ends_at.map(read::instant));
    let max_uses = wants("max_uses").then(|| Limit::parse(promo.max_uses));
    let max_uses = fields.take_if("promo_code.max_uses", max_uses);
    let per_buyer = wants("max_uses_per_buyer").then(|| Limit::parse(promo.max_uses_per_buyer));
    let per_buyer = fields.take_if("promo_code.max_uses_per_buyer", per_buyer);
    let products = match wants("product_ids") {
        true => read::ids(&mut fields, "promo_code.product_ids", &promo.product_ids).map(Some),
        false => Some(None),
    };
    let taken = (id, starts_at, ends_at, max_uses, per_buyer, products);
    let (promo, starts_at, ends_at, max_uses, max_uses_per_buyer, products) = fields.finish(taken)?;
    Ok(EditPromoCode {
        promo,
        starts_at: wants("starts_at").then_some(starts_at),
        ends_at: wants("ends_at").then_some(ends_at),
        max_uses,
        max_uses_per_buyer,
        products,
        state,
        etag: request.etag,
    })
}

fn discount(fields: &mut Fields, discount: Option<DiscountPb>) -> Option<Discount> {
    match discount {
        Some(DiscountPb::PercentBasisPoints(points)) => {
            fields.take("promo_code.percent_basis_points", BasisPoints::parse(points)).map(Discount::Percent)
        }
        Some(DiscountPb::Amount(amount)) => {
            let amount = read::amount(fields, "promo_code.amount", Some(amount))?;
            if amount.is_zero() {
                fields.refuse("promo_code.amount.minor", "expected at least 1");
            }
            Some(Discount::Amount(amount))
        }
        None => {
            fields.refuse("promo_code", "expected percent_basis_points or amount");
            None
        }
    }
}

/// Active unless it is said otherwise.
fn state(state: pb::promo_code::State) -> State {
    match state {
        pb::promo_code::State::Unspecified | pb::promo_code::State::Active => State::Active,
        pb::promo_code::State::Disabled => State::Disabled,
    }
}
