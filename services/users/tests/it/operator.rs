//! What the operator's command does.

use proto::lyceum::{
    events::v1::{CodeIssued, ProfileChanged, UserRegistered},
    users::v1::GetMeRequest,
};
use users::{
    domain::{
        email::EmailAddress,
        password::NewPassword,
        profile::{DisplayName, Profile},
        role::{Role, Roles},
    },
    flows::create_user::{self, CreateUser, Created},
};
use values::{Language, TimeZone};

use crate::helpers::School;

fn manager(password: &str) -> CreateUser {
    CreateUser {
        email: EmailAddress::parse("manager@example.com").unwrap(),
        password: NewPassword::parse(password).unwrap(),
        profile: Profile {
            display_name: DisplayName::parse("Мария").unwrap(),
            language: Language::English,
            time_zone: TimeZone::parse("Asia/Tbilisi").unwrap(),
        },
        roles: Roles::from_iter([Role::Manager, Role::Learner]),
    }
}

#[tokio::test]
async fn a_user_is_created_confirmed_with_roles_and_announced_like_any_other() {
    let school = School::open().await;
    let Created::New(id) = create_user::run(&school.app, manager("first password")).await.unwrap() else {
        panic!("the school was empty")
    };
    let tokens = school.try_sign_in("manager@example.com", "first password").await.unwrap();
    let me = school.users_of(&tokens).get_me(GetMeRequest {}).await.unwrap().into_inner();
    assert_eq!((me.user_id.as_str(), me.language()), (id.to_string().as_str(), "en"));
    assert_eq!(me.roles.len(), 2);
    assert_eq!(school.events::<UserRegistered>().await.len(), 1);
    assert!(school.events::<ProfileChanged>().await[0].email_confirmed);
    assert!(school.events::<CodeIssued>().await.is_empty());
}

#[tokio::test]
async fn creating_the_same_user_again_leaves_everything_as_it_is() {
    let school = School::open().await;
    let first = create_user::run(&school.app, manager("first password")).await.unwrap();
    let second = create_user::run(&school.app, manager("second password")).await.unwrap();
    assert!(matches!((first, second), (Created::New(new), Created::Found(found)) if new == found));
    school.try_sign_in("manager@example.com", "first password").await.unwrap();
    assert_eq!(school.events::<UserRegistered>().await.len(), 1);
}
