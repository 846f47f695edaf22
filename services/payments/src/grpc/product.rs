//! ProductService at the door: products and prices. Its promo codes are read in `promo`.

use std::sync::Arc;

use proto::lyceum::payments::v1::{
    self as pb, ArchiveProductRequest, CreatePriceRequest, CreateProductRequest, CreatePromoCodeRequest,
    GetPromoCodeRequest, GetSalesProductRequest, ListPricesRequest, ListPricesResponse, ListPromoCodesRequest,
    ListPromoCodesResponse, ListSalesProductsRequest, ListSalesProductsResponse, UpdateProductRequest,
    UpdatePromoCodeRequest, product_service_server::ProductService,
};
use rpc::Fields;
use tonic::{Request, Response, Status};
use values::Page;

use super::{
    connection, optional_key, print, promo,
    read::{self, Paging},
    shop,
};
use crate::{
    App, Error,
    domain::{
        ProductId, PromoCodeId, Refusal,
        product::{Description, State, Title},
    },
    flows::{
        create_product::{self, CreateProduct},
        edit_product::{self, EditProduct},
        issue_promo_code, set_price,
    },
    store,
};

pub(super) struct Door(pub(super) Arc<App>);

#[tonic::async_trait]
impl ProductService for Door {
    async fn list_sales_products(
        &self,
        request: Request<ListSalesProductsRequest>,
    ) -> Result<Response<ListSalesProductsResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let state = fields.take("state", state(m.state()));
        let paging =
            read::paging::<ProductId>(&mut fields, "ListSalesProducts", &[&m.state], m.page_size, &m.page_token);
        let (state, Paging { size, scope, after }) = fields.finish((state, paging))?;

        let mut conn = connection(&self.0).await?;
        let rows = store::product::list_any(&mut conn, state, after, size.fetch()).await;
        let page = Page::cut(rows.map_err(Error::from)?, size, &scope, |product| product.id);
        let products = shop::priced(&mut conn, page.items, self.0.clock.now()).await?;
        Ok(Response::new(ListSalesProductsResponse { products, next_page_token: page.next.unwrap_or_default() }))
    }

    async fn get_sales_product(
        &self,
        request: Request<GetSalesProductRequest>,
    ) -> Result<Response<pb::Product>, Status> {
        let id = read::id("product_id", &request.into_inner().product_id)?;
        let mut conn = connection(&self.0).await?;
        let found = store::product::any(&mut conn, id).await.map_err(Error::from)?;
        let product = found.ok_or(Error::Refused(Refusal::ProductNotFound))?;
        Ok(Response::new(shop::one(&mut conn, product, self.0.clock.now()).await?))
    }

    async fn create_product(&self, request: Request<CreateProductRequest>) -> Result<Response<pb::Product>, Status> {
        let key = optional_key(&request, "ProductService/CreateProduct")?;
        let mut fields = Fields::new();
        let product = fields.required("product", request.into_inner().product).unwrap_or_default();
        let title = fields.take("product.title", Title::parse(&product.title));
        let description = fields.take("product.description", Description::parse(&product.description));
        let grants = read::grants(&mut fields, "product.grants", &product.grants);
        let prices = product.prices.into_iter().enumerate();
        let prices: Vec<_> =
            prices.map(|(at, price)| read::price(&mut fields, &format!("product.prices[{at}]"), price)).collect();
        let prices = prices.into_iter().collect::<Option<Vec<_>>>();
        let (title, description, grants, prices) = fields.finish((title, description, grants, prices))?;
        let command = CreateProduct { title, description, grants, prices };
        let product = create_product::create_product(&self.0, &command, key.as_ref()).await?;
        let mut conn = connection(&self.0).await?;
        Ok(Response::new(shop::one(&mut conn, product, self.0.clock.now()).await?))
    }

    async fn update_product(&self, request: Request<UpdateProductRequest>) -> Result<Response<pb::Product>, Status> {
        let m = request.into_inner();
        let paths = read::mask(m.update_mask, &["title", "description", "grants"])?;
        let wants = |path: &str| paths.iter().any(|wanted| wanted == path);
        let mut fields = Fields::new();
        let id = fields.take("product_id", m.product_id.parse());
        let product = fields.required("product", m.product).unwrap_or_default();
        let title = wants("title").then(|| Title::parse(&product.title));
        let title = fields.take_if("product.title", title);
        let description = wants("description").then(|| Description::parse(&product.description));
        let description = fields.take_if("product.description", description);
        let grants = match wants("grants") {
            true => read::grants(&mut fields, "product.grants", &product.grants).map(Some),
            false => Some(None),
        };
        let (id, title, description, grants) = fields.finish((id, title, description, grants))?;
        let command = EditProduct { product: id, title, description, grants, etag: m.etag };
        let product = edit_product::edit_product(&self.0, &command).await?;
        let mut conn = connection(&self.0).await?;
        Ok(Response::new(shop::one(&mut conn, product, self.0.clock.now()).await?))
    }

    async fn archive_product(&self, request: Request<ArchiveProductRequest>) -> Result<Response<pb::Product>, Status> {
        let id = read::id("product_id", &request.into_inner().product_id)?;
        let product = edit_product::archive_product(&self.0, id).await?;
        let mut conn = connection(&self.0).await?;
        Ok(Response::new(shop::one(&mut conn, product, self.0.clock.now()).await?))
    }

    async fn list_prices(&self, request: Request<ListPricesRequest>) -> Result<Response<ListPricesResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let id = fields.take("product_id", m.product_id.parse::<ProductId>());
        let paging = read::paging(&mut fields, "ListPrices", &[&m.product_id], m.page_size, &m.page_token);
        let (id, Paging { size, scope, after }) = fields.finish((id, paging))?;

        let mut conn = connection(&self.0).await?;
        let product = store::product::any(&mut conn, id).await.map_err(Error::from)?;
        product.ok_or(Error::Refused(Refusal::ProductNotFound))?;
        let rows = store::price::list(&mut conn, id, after, size.fetch()).await.map_err(Error::from)?;
        let page = Page::cut(rows, size, &scope, |price| (price.starts_at, price.id));
        let prices = page.items.iter().map(print::price).collect();
        Ok(Response::new(ListPricesResponse { prices, next_page_token: page.next.unwrap_or_default() }))
    }

    async fn create_price(&self, request: Request<CreatePriceRequest>) -> Result<Response<pb::Price>, Status> {
        let key = optional_key(&request, "ProductService/CreatePrice")?;
        let m = request.into_inner();
        let mut fields = Fields::new();
        let id = fields.take("product_id", m.product_id.parse());
        let price = fields.required("price", m.price).and_then(|price| read::price(&mut fields, "price", price));
        let (id, price) = fields.finish((id, price))?;
        let price = set_price::set_price(&self.0, id, &price, key.as_ref()).await?;
        Ok(Response::new(print::price(&price)))
    }

    async fn list_promo_codes(
        &self,
        request: Request<ListPromoCodesRequest>,
    ) -> Result<Response<ListPromoCodesResponse>, Status> {
        let m = request.into_inner();
        let mut fields = Fields::new();
        let paging = read::paging::<PromoCodeId>(&mut fields, "ListPromoCodes", &[], m.page_size, &m.page_token);
        let (Paging { size, scope, after },) = fields.finish((paging,))?;

        let mut conn = connection(&self.0).await?;
        let rows = store::promo::list(&mut conn, after, size.fetch()).await.map_err(Error::from)?;
        let page = Page::cut(rows, size, &scope, |promo| promo.id).map(print::promo_code);
        let next_page_token = page.next.unwrap_or_default();
        Ok(Response::new(ListPromoCodesResponse { promo_codes: page.items, next_page_token }))
    }

    async fn get_promo_code(&self, request: Request<GetPromoCodeRequest>) -> Result<Response<pb::PromoCode>, Status> {
        let id = read::id("promo_code_id", &request.into_inner().promo_code_id)?;
        let mut conn = connection(&self.0).await?;
        let found = store::promo::find(&mut conn, id).await.map_err(Error::from)?;
        Ok(Response::new(print::promo_code(found.ok_or(Error::Refused(Refusal::PromoCodeNotFound))?)))
    }

    async fn create_promo_code(
        &self,
        request: Request<CreatePromoCodeRequest>,
    ) -> Result<Response<pb::PromoCode>, Status> {
        let key = optional_key(&request, "ProductService/CreatePromoCode")?;
        let command = promo::issue(request.into_inner())?;
        let promo = issue_promo_code::issue_promo_code(&self.0, &command, key.as_ref()).await?;
        Ok(Response::new(print::promo_code(promo)))
    }

    async fn update_promo_code(
        &self,
        request: Request<UpdatePromoCodeRequest>,
    ) -> Result<Response<pb::PromoCode>, Status> {
        let command = promo::edit(request.into_inner())?;
        let promo = issue_promo_code::edit_promo_code(&self.0, &command).await?;
        Ok(Response::new(print::promo_code(promo)))
    }
}

fn state(state: pb::product::State) -> Result<Option<State>, &'static str> {
    Ok(match state {
        pb::product::State::Unspecified => None,
        pb::product::State::Active => Some(State::Active),
        pb::product::State::Archived => Some(State::Archived),
    })
}
